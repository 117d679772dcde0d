// A stand-in for AMX's tiles, row by row from the definitions in bf16.h: the kernels' source then
// runs on any processor.
#ifndef NCA_TESTS_TILES_STAND_IN_H
#define NCA_TESTS_TILES_STAND_IN_H

#define NCA_AMX_BY_STAND_IN
#include "words_stand_in.h"

typedef struct tile_shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_shapes;

static tile_shapes tile_shape;
static uint32_t tile_word[8][16][16];

// As LDTILECFG, which clears all tiles.
static void tiles_shape(const tile_shapes *shapes)
{
    tile_shape = *shapes;
    memset(tile_word, 0, sizeof tile_word);
}

static void tile_load(int tile, const void *from, size_t stride)
{
    for (size_t row = 0; row < tile_shape.rows[tile]; row++)
        memcpy(tile_word[tile][row], (const uint32_t *)from + row * stride,
               tile_shape.row_bytes[tile]);
}

static void tile_store(int tile, void *to, size_t stride)
{
    for (size_t row = 0; row < tile_shape.rows[tile]; row++)
        memcpy((uint32_t *)to + row * stride, tile_word[tile][row], tile_shape.row_bytes[tile]);
}

static void tile_dot(int c, int a, int b)
{
    for (int row = 0; row < tile_shape.rows[c]; row++)
        for (int column = 0; column < tile_shape.row_bytes[c] / 4; column++) {
            uint32_t words_of_column[16];
            for (int k = 0; k < 16; k++)
                words_of_column[k] = tile_word[b][k][column];
            uint32_t *sum = &tile_word[c][row][column];
            *sum = nca_bf16_bits_of(
                nca_bf16_tile_dot(nca_bf16_float_of(*sum), tile_word[a][row], words_of_column));
        }
}

static void transpose_words(const uint32_t *from, size_t stride, uint32_t *to, size_t to_stride)
{
    for (size_t m = 0; m < 16; m++)
        for (size_t k = 0; k < 16; k++)
            to[m * to_stride + k] = from[k * stride + m];
}

#define TILES_SHAPE(shapes) tiles_shape(shapes)
#define TILES_RELEASE() memset(&tile_shape, 0, sizeof tile_shape)
#define TILE_LOAD(tile, from, stride) tile_load(tile, from, stride)
#define TILE_ZERO(tile) memset(tile_word[tile], 0, sizeof tile_word[tile])
#define TILE_STORE(tile, to, stride) tile_store(tile, to, stride)
#define TILE_DOT(c, a, b) tile_dot(c, a, b)

#endif
