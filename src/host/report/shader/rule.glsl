//@ always
// State: every group of four channels is a picture of the whole grid, TILES of them side by side,
// row 0 at the bottom. Outside the grid all is zero.
bool is_inside(ivec2 cell)
{
    return all(greaterThanEqual(cell, ivec2(0))) && all(lessThan(cell, GRID));
}

vec4 state(sampler2D from, ivec2 cell, int group)
{
    ivec2 tile = ivec2(group % TILES, group / TILES);
    return is_inside(cell) ? texelFetch(from, cell + tile * GRID, 0) : vec4(0);
}

float channel(sampler2D from, ivec2 cell, int number)
{
    return state(from, cell, number / 4)[number % 4];
}

// Which group of channels a pixel holds; -1 for none.
int group_at(ivec2 pixel)
{
    ivec2 tile = pixel / GRID;
    int group = tile.y * TILES + tile.x;
    return tile.x < TILES && group < GROUPS ? group : -1;
}

// Which cell is shown at a pixel, row 0 at the top.
ivec2 cell_at(vec2 pixel, vec2 size)
{
    vec2 grid = vec2(GRID);
    float side = min(size.x / grid.x, size.y / grid.y);
    vec2 place = (pixel - .5 * size) / max(1., floor(side));
    return ivec2(floor(vec2(place.x, -place.y) + .5 * grid));
}

//@ grows
// The seed: one cell whose channels from alpha on are one.
vec4 begin(ivec2 cell, int group)
{
    if (cell != SEED)
        return vec4(0);
    return group == 0 ? vec4(0, 0, 0, 1) : vec4(1);
}

// What the mouse leaves of a cell: nothing.
vec4 touched(vec4 own, int group, float away)
{
    return away < .08 * float(min(GRID.x, GRID.y)) ? vec4(0) : own;
}

// The colour, which is multiplied by alpha already, on white.
vec3 picture(sampler2D from, ivec2 cell)
{
    vec4 own = state(from, cell, 0);
    return clamp(1. - clamp(own.a, 0., 1.) + own.rgb, 0., 1.);
}

//@ digits
// Nothing, until the mouse draws.
vec4 begin(ivec2 cell, int group)
{
    return vec4(0);
}

// A pen: grey in the first channel, and the cells beside it paler.
vec4 touched(vec4 own, int group, float away)
{
    return group > 0 ? own : vec4(max(own.x, clamp(1.7 - away, 0., 1.)), own.yzw);
}

// The colour of the class that a cell says, black where it says none.
vec3 picture(sampler2D from, ivec2 cell)
{
    float grey = channel(from, cell, 0), best = channel(from, cell, 4 * GROUPS - CLASSES);
    int said = 0, ties = 0;
    if (grey <= ALIVE_THRESHOLD)
        return vec3(1);
    for (int i = 1; i < CLASSES; i++) {
        float value = channel(from, cell, 4 * GROUPS - CLASSES + i);
        ties = value > best ? 0 : value == best ? ties + 1 : ties;
        said = value > best ? i : said;
        best = max(value, best);
    }
    vec3 colour = ties == 0 ? CLASS_COLOURS[said] : vec3(30);
    return mix(colour / 255., vec3(1), .5 * max(0., 1. - grey));
}

//@ always
// Random bits: Philox4x32-10 (Salmon et al. 2011), the same as those of nca run with --seed 1.
uvec2 multiply(uint a, uint b)   // the high and the low half of the product
{
    uint low = (a & 0xffffu) * (b & 0xffffu);
    uint one = (a >> 16) * (b & 0xffffu) + (low >> 16);
    uint two = (a & 0xffffu) * (b >> 16) + (one & 0xffffu);
    return uvec2((a >> 16) * (b >> 16) + (one >> 16) + (two >> 16), a * b);
}

uvec4 random_words(uint index, int step, uint purpose)
{
    uvec4 counter = uvec4(index, uint(step) | purpose << 24, 0u, 0u);
    uvec2 key = uvec2(RANDOM_SEED, 0u);
    for (int i = 0; i < 10; i++) {
        uvec2 a = multiply(0xD2511F53u, counter.x), b = multiply(0xCD9E8D57u, counter.z);
        counter = uvec4(b.x ^ counter.y ^ key.x, b.y, a.x ^ counter.w ^ key.y, a.y);
        key += uvec2(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

int number_of(ivec2 cell)
{
    return cell.y * GRID.x + cell.x;
}

bool fires(ivec2 cell, int step)
{
    int number = number_of(cell);
    uint word = random_words(uint(number / 8), step, 0u)[number % 8 / 2];
    return (word >> (16 * (number % 2)) & 0xffffu) < FIRE_RATE;
}

//@ noise
// Nearly normal numbers: the sum of the eight 16-bit halves, less its mean.
vec4 noise(ivec2 cell, int group, int step)
{
    vec4 drawn = vec4(0);
    for (int i = 0; i < 4; i++) {
        int number = 4 * group + i - FROZEN;
        if (number < 0)
            continue;
        uvec4 words = random_words(uint(number_of(cell) * (4 * GROUPS - FROZEN) + number), step, 6u);
        uvec4 halves = (words & 0xffffu) + (words >> 16);
        drawn[i] = float(int(halves.x + halves.y + halves.z + halves.w) - 262140) * NOISE;
    }
    return drawn;
}

//@ always
// Perception: what a cell sees, four numbers at a time.
vec4 seen[INPUTS];

//@ sobel
void look(sampler2D from, ivec2 cell)
{
    float cosine = cos(ANGLE), sine = sin(ANGLE);
    for (int group = 0; group < GROUPS; group++) {
        vec4 x = vec4(0), y = vec4(0);
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                vec4 near = state(from, cell + ivec2(dx, dy), group) / 8.;
                x += float(dx * (2 - abs(dy))) * near;
                y += float(dy * (2 - abs(dx))) * near;
            }
        seen[group] = state(from, cell, group);
        seen[GROUPS + group] = cosine * x - sine * y;
        seen[2 * GROUPS + group] = sine * x + cosine * y;
    }
}

//@ summed
void look(sampler2D from, ivec2 cell)
{
    float cosine = cos(ANGLE), sine = sin(ANGLE), x = 0., y = 0.;
    for (int group = 0; group < GROUPS; group++)
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                float near = dot(state(from, cell + ivec2(dx, dy), group), vec4(.125));
                x += float(dx * (2 - abs(dy))) * near;
                y += float(dy * (2 - abs(dx))) * near;
            }
    for (int group = 0; group < GROUPS; group++) {
        seen[group] = state(from, cell, group);
        seen[GROUPS + group] = vec4(cosine * x - sine * y);
        seen[2 * GROUPS + group] = vec4(sine * x + cosine * y);
    }
}

//@ moore
void look(sampler2D from, ivec2 cell)
{
    for (int i = 0; i < 9; i++)
        for (int group = 0; group < GROUPS; group++)
            seen[i * GROUPS + group] = state(from, cell + ivec2(i % 3 - 1, i / 3 - 1), group);
}

//@ always
// The network. Of every layer the weights of four units lie together: a column of four for each
// input, then one of their biases.
vec4 hidden[HIDDEN];

mat4 weights(int at)
{
    return mat4(column(at), column(at + 1), column(at + 2), column(at + 3));
}

void think()
{
    for (int i = 0, at = 0; i < HIDDEN; i++, at += 4 * INPUTS + 1) {
        vec4 sum = column(at + 4 * INPUTS);
        for (int j = 0; j < INPUTS; j++)
            sum += weights(at + 4 * j) * seen[j];
        hidden[i] = max(sum, 0.);
    }
}

//@ two_layers
vec4 hidden2[HIDDEN2];

void think_on()
{
    for (int i = 0, at = HIDDEN2_AT; i < HIDDEN2; i++, at += 4 * HIDDEN + 1) {
        vec4 sum = column(at + 4 * HIDDEN);
        for (int j = 0; j < HIDDEN; j++)
            sum += weights(at + 4 * j) * hidden[j];
        hidden2[i] = max(sum, 0.);
    }
}

vec4 change(int group)
{
    int at = OUTPUT_AT + group * (4 * HIDDEN2 + 1);
    vec4 sum = column(at + 4 * HIDDEN2);
    think_on();
    for (int j = 0; j < HIDDEN2; j++)
        sum += weights(at + 4 * j) * hidden2[j];
    return sum;
}

//@ one_layer
vec4 change(int group)
{
    int at = OUTPUT_AT + group * (4 * HIDDEN + 1);
    vec4 sum = column(at + 4 * HIDDEN);
    for (int j = 0; j < HIDDEN; j++)
        sum += weights(at + 4 * j) * hidden[j];
    return sum;
}

//@ maximum
// Alive is a cell with enough alpha within its 3x3 neighbourhood, before a step and after it.
bool has_alpha(sampler2D from, ivec2 cell, int radius)
{
    for (int y = -radius; y <= radius; y++)
        for (int x = -radius; x <= radius; x++)
            if (state(from, cell + ivec2(x, y), 0).a > ALIVE_THRESHOLD)
                return true;
    return false;
}

// A dead cell's new alpha may keep a living neighbour alive; one further away does nothing.
bool is_reached(sampler2D from, ivec2 cell)
{
    return has_alpha(from, cell, 2);
}

vec4 settled(sampler2D after, sampler2D before, ivec2 cell, int group)
{
    bool is_alive = has_alpha(before, cell, 1) && has_alpha(after, cell, 1);
    return is_alive ? state(after, cell, group) : vec4(0);
}

//@ channel
// Alive is a cell with enough in one of its frozen channels.
bool is_reached(sampler2D from, ivec2 cell)
{
    return channel(from, cell, ALIVE_CHANNEL) > ALIVE_THRESHOLD;
}

//@ everywhere
bool is_reached(sampler2D from, ivec2 cell)
{
    return true;
}

//@ channel everywhere
vec4 settled(sampler2D after, sampler2D before, ivec2 cell, int group)
{
    return state(after, cell, group);
}

//@ always
vec4 updated(sampler2D from, ivec2 cell, int group, int step)
{
    vec4 own = state(from, cell, group);
    if (!fires(cell, step) || !is_reached(from, cell))
        return own;
    look(from, cell);
    think();
//@ noise
    own += STEP_SIZE * noise(cell, group, step);
//@ always
    return own + STEP_SIZE * change(group);
}

// ==== Buffer A ====   iChannel0: Buffer B
// A step before its masks, on the state of the frame before.
void mainImage(out vec4 color, in vec2 at)
{
    ivec2 pixel = ivec2(at), cell = pixel % GRID;
    int group = group_at(pixel);
    color = vec4(0);
    if (group >= 0 && iFrame == 0)
        color = begin(cell, group);
    else if (group >= 0)
        color = updated(iChannel0, cell, group, iFrame - 1);
}

// ==== Buffer B ====   iChannel0: Buffer A, iChannel1: Buffer B
// The state after the step, and after the mouse.
void mainImage(out vec4 color, in vec2 at)
{
    ivec2 pixel = ivec2(at), cell = pixel % GRID;
    int group = group_at(pixel);
    color = vec4(0);
    if (group >= 0 && iFrame == 0)
        color = begin(cell, group);
    else if (group >= 0)
        color = settled(iChannel0, iChannel1, cell, group);
    if (group >= 0 && iMouse.z > 0.)
        color = touched(color, group, distance(vec2(cell), vec2(cell_at(iMouse.xy, iResolution.xy))));
}

// ==== Image ====   iChannel0: Buffer B
void mainImage(out vec4 color, in vec2 at)
{
    ivec2 cell = cell_at(at, iResolution.xy);
    color = vec4(is_inside(cell) ? picture(iChannel0, cell) : vec3(1), 1);
}
