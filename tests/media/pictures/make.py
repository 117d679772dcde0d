#!/usr/bin/env python3
"""Makes the files of this folder anew: pictures of every kind that needs care, and what Pillow says
they show.

Needs Pillow and fontTools. NAME.rgba is the width, the height (a byte each) and the pixels of a
picture. Where Pillow does not read a kind, what was drawn is what is expected; where it does, both
must agree.
"""
import io, struct, zlib
from PIL import Image, ImageOps

W, H = 13, 9


def colour(x, y):
    if y == 0 or x == 0:
        return (255, 0, 0, 255) if y == 0 else (0, 200, 0, 255)
    if (x - 8) ** 2 + (y - 5) ** 2 < 9:
        return 20, 40, 250, 255
    return 240, 16 * x, 20 * y, 255


OPAQUE = [[colour(x, y) for x in range(W)] for y in range(H)]
CLEAR = [[(r, g, b, min(255, 40 + 16 * x + 3 * y)) for x, (r, g, b, _) in enumerate(row)]
         for y, row in enumerate(OPAQUE)]
PALETTE = [(17 * i, 255 - 17 * i, (40 * i) % 256) for i in range(16)]
INDICES = [[(x + 2 * y) % 16 for x in range(W)] for y in range(H)]


def by_palette(rows, palette):
    return [[palette[i] + (255,) for i in row] for row in rows]


def image_of(rows):
    image = Image.new('RGBA', (len(rows[0]), len(rows)))
    image.putdata([pixel for row in rows for pixel in row])
    return image


def keep(name, image):
    open(name + '.rgba', 'wb').write(bytes(image.size) + image.convert('RGBA').tobytes())


def check(data, rows, may_fail=False):
    """Pillow reads the bytes as what was drawn."""
    try:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert('RGBA')
    except Exception as error:
        assert may_fail, error
        return
    expected = image_of(rows)
    assert image.size == expected.size, 'Pillow sees something else'
    assert image.tobytes() == expected.tobytes(), 'Pillow sees something else'


def write(name, data):
    open(name, 'wb').write(data)


# BMP: rows of numbers, packed as the kind says.
def bmp(rows, bits, header=40, top=False, gap=0, compression=0, masks=(), palette=(), entry=4,
        colours=0, body=None):
    height = len(rows)
    order = rows if top else rows[::-1]
    if body is None:
        body = b''
        for row in order:
            line = 0
            if bits <= 8:
                for value in row:
                    line = line << bits | value
                line <<= -len(row) * bits % 8
                packed = line.to_bytes((len(row) * bits + 7) // 8, 'big')
            else:
                packed = b''.join(value.to_bytes(bits // 8, 'little') for value in row)
            body += packed + bytes(-len(packed) % 4)
    table = b''.join(bytes((b, g, r, 0)[:entry]) for r, g, b in palette)
    extra = struct.pack('<%dI' % len(masks), *masks)
    if header == 12:
        head = struct.pack('<IHHHH', 12, len(rows[0]), height, 1, bits)
    else:
        head = struct.pack('<IiiHHIIiiII', header, len(rows[0]), -height if top else height, 1,
                           bits, compression, len(body), 2835, 2835, colours, 0)[:max(16, header)]
    if header > 40:
        head += extra
        extra = b''
    head = head.ljust(header, b'\0')
    offset = 14 + len(head) + len(extra) + len(table) + gap
    start = b'BM' + struct.pack('<IHHI', offset + len(body), 0, 0, offset)
    return start + head + extra + table + b'\xee' * gap + body


def packed(rows, layout):
    """Numbers of pixels: (shift, bits) of red, green, blue and alpha."""
    return [[sum((part * ((1 << bits) - 1) // 255) << shift
                 for part, (shift, bits) in zip(pixel, layout)) for pixel in row]
            for row in rows]


def unpacked(rows, layout):
    """What the numbers mean; alpha is full where there is none."""
    def part(value, shift, bits):
        return (value >> shift & ((1 << bits) - 1)) * 255 // ((1 << bits) - 1)
    return [[tuple([part(value, *where) for where in layout] + [255] * (4 - len(layout)))
             for value in row] for row in rows]


RGB = ((16, 8), (8, 8), (0, 8))
RGBA = RGB + ((24, 8),)
M555 = ((10, 5), (5, 5), (0, 5))
M565 = ((11, 5), (5, 6), (0, 5))
ODD = ((22, 10), (12, 10), (2, 10))   # red, green, blue of ten bits each


def masks_of(layout, count):
    masks = [((1 << bits) - 1) << shift for shift, bits in layout]
    return masks + [0] * (count - len(masks))


def bmps():
    keep('opaque', image_of(OPAQUE))
    keep('clear', image_of(CLEAR))
    keep('palette', image_of(by_palette(INDICES, PALETTE)))
    keep('four', image_of(by_palette([[i % 4 for i in row] for row in INDICES], PALETTE)))
    keep('two', image_of(by_palette([[i % 2 for i in row] for row in INDICES], PALETTE)))
    five, six, ten = packed(OPAQUE, M555), packed(OPAQUE, M565), packed(OPAQUE, ODD)
    keep('five', image_of(unpacked(five, M555)))
    keep('six', image_of(unpacked(six, M565)))
    keep('ten', image_of(unpacked(ten, ODD)))
    opaque, clear = packed(OPAQUE, RGB), packed(CLEAR, RGBA)
    palette = by_palette(INDICES, PALETTE)

    def one(name, rows, bits, expected, may_fail=False, **kind):
        data = bmp(rows, bits, **kind)
        check(data, expected, may_fail)
        write(name + '.bmp', data)

    for top in False, True:
        way = '_top' if top else ''
        one('b24' + way, opaque, 24, OPAQUE, top=top)
        one('b32_v4' + way, clear, 32, CLEAR, header=108, compression=3, masks=masks_of(RGBA, 4),
            top=top)
        one('b16' + way, five, 16, unpacked(five, M555), top=top)
        one('b8' + way, INDICES, 8, palette, palette=PALETTE, colours=16, top=top)
        one('b4' + way, INDICES, 4, palette, palette=PALETTE, top=top)
        one('b1' + way, [[i % 2 for i in row] for row in INDICES], 1,
            by_palette([[i % 2 for i in row] for row in INDICES], PALETTE), palette=PALETTE[:2],
            top=top)
    one('b2', [[i % 4 for i in row] for row in INDICES], 2, None, palette=PALETTE[:4],
        may_fail=True)
    one('b16_565', six, 16, unpacked(six, M565), compression=3, masks=masks_of(M565, 3))
    one('b32_empty', opaque, 32, OPAQUE)   # alpha is 0 everywhere
    one('b32_ten', ten, 32, None, compression=3, masks=masks_of(ODD, 3), may_fail=True)
    one('b32_alpha_masks', clear, 32, None, compression=6, masks=masks_of(RGBA, 4), may_fail=True)
    one('v2', opaque, 32, OPAQUE, header=52, compression=3, masks=masks_of(RGB, 3))
    one('v3', clear, 32, CLEAR, header=56, compression=3, masks=masks_of(RGBA, 4))
    one('v3_565', six, 16, unpacked(six, M565), header=56, compression=3, masks=masks_of(M565, 4))
    one('v5', opaque, 24, OPAQUE, header=124)
    one('os2_1', INDICES, 8, palette, header=12, palette=PALETTE + [(0, 0, 0)] * 240, entry=3)
    one('os2_1_24', opaque, 24, OPAQUE, header=12)
    one('os2_2', INDICES, 4, palette, header=64, palette=PALETTE)
    one('os2_2_short', INDICES, 4, palette, header=16, palette=PALETTE, may_fail=True)
    for gap in 1, 10, 68:
        one('gap%d' % gap, opaque, 24, OPAQUE, gap=gap)
        one('gap%d_8' % gap, INDICES, 8, palette, palette=PALETTE, colours=16, gap=gap)
    one('palette_24', opaque, 24, OPAQUE, palette=PALETTE, colours=16)
    runs(palette)
    write('index_beyond.bmp', bmp(INDICES, 8, palette=PALETTE[:5], colours=5))
    write('jpeg_in_it.bmp', bmp(opaque, 24, compression=4))


def runs(palette):
    """Runs and single pixels, a move over pixels of colour 0, rows ended early."""
    rows = [list(row) for row in INDICES]
    rows[3] = [7] * W
    rows[5][4:9] = [0] * 5
    rows[6] = [5, 5, 5] + [0] * (W - 3)
    def single(part):
        halves = part + [0] * (-len(part) % 4)
        return (bytes((0, len(part))) + bytes(part) + bytes(len(part) % 2),
                bytes((0, len(part))) +
                bytes(a << 4 | b for a, b in zip(halves[::2], halves[1::2])))
    move = bytes((0, 2, 5, 0))
    body = [b'', b'']   # of 8 and of 4 bits
    for y in range(H - 1, -1, -1):
        if y == 3:
            new = bytes((W, 7)), bytes((W, 0x77))
        elif y == 6:
            new = bytes((3, 5)), bytes((3, 0x55))
        elif y == 5:
            new = [left + move + right
                   for left, right in zip(single(rows[y][:4]), single(rows[y][9:]))]
        else:
            new = single(rows[y])
        body = [old + more + bytes((0, 0)) for old, more in zip(body, new)]
    expected = by_palette(rows, PALETTE)
    keep('runs', image_of(expected))
    for name, bits, runs_of in ('rle8', 8, body[0]), ('rle4', 4, body[1]):
        data = bmp(rows, bits, compression=1 if bits == 8 else 2, palette=PALETTE, colours=16,
                   body=runs_of + bytes((0, 1)))
        check(data, expected)
        write(name + '.bmp', data)


# TGA
def tga(rows, kind, depth, descriptor, palette=b'', first=0, entries=0, palette_bits=0, text=b'',
        packets=False):
    """`rows` holds the bytes of every pixel, from above and from the left."""
    order = rows if descriptor & 0x20 else rows[::-1]
    if descriptor & 0x10:
        order = [row[::-1] for row in order]
    flat = [pixel for row in order for pixel in row]
    body = b''
    if packets:   # pairs of alike pixels become runs
        i = 0
        while i < len(flat):
            count = 1
            while i + count < len(flat) and flat[i + count] == flat[i] and count < 128:
                count += 1
            body += bytes((127 + count,)) + flat[i] if count > 1 else b'\0' + flat[i]
            i += count
    else:
        body = b''.join(flat)
    head = struct.pack('<BBBHHBHHHHBB', len(text), 1 if palette else 0,
                       kind | (8 if packets else 0), first, entries, palette_bits, 0, 0,
                       len(rows[0]), len(rows), depth, descriptor)
    return head + text + palette + body


def tgas():
    bgr = [[bytes((b, g, r)) for r, g, b, _ in row] for row in OPAQUE]
    bgra = [[bytes((b, g, r, a)) for r, g, b, a in row] for row in CLEAR]
    table = b''.join(bytes((b, g, r)) for r, g, b in PALETTE)
    from_five = [[bytes((i + 5,)) for i in row] for row in INDICES]
    wide = [[struct.pack('<H', i + 300) for i in row] for row in INDICES]
    palette = by_palette(INDICES, PALETTE)

    def one(name, data, expected, may_fail=False):
        check(data, expected, may_fail)
        write(name + '.tga', data)

    for corner in range(4):
        one('corner%d' % corner, tga(bgr, 2, 24, corner << 4), OPAQUE)
        one('corner%d_alpha' % corner, tga(bgra, 2, 32, corner << 4 | 8, packets=True), CLEAR)
    one('first_5', tga(from_five, 1, 8, 0, table, 5, 16, 24, b'text'), palette)
    one('first_5_packed', tga(from_five, 1, 8, 0x30, table, 5, 16, 24, packets=True), palette)
    one('first_300', tga(wide, 1, 16, 0x20, table, 300, 16, 24), palette, may_fail=True)
    one('unused_palette', tga(bgr, 2, 24, 0, table, 0, 16, 24), OPAQUE, may_fail=True)
    write('before_first.tga',
          tga([[bytes((i,)) for i in row] for row in INDICES], 1, 8, 0, table, 5, 16, 24))


# JPEG
def jpeg(image, **kind):
    out = io.BytesIO()
    image.save(out, 'JPEG', **kind)
    return out.getvalue()


def segments(data):
    at = 2
    while True:
        length = struct.unpack('>H', data[at + 2:at + 4])[0]
        if data[at + 1] == 0xda:
            yield data[at:]
            return
        yield data[at:at + 2 + length]
        at += 2 + length


def without(data, wanted):
    return data[:2] + b''.join(part for part in segments(data) if not wanted(part))


def smooth(size):
    image = Image.new('RGB', size)
    image.putdata([(200 - 3 * x, 40 + 4 * y, 60 + 2 * x + y)
                   for y in range(size[1]) for x in range(size[0])])
    return image


def jpegs():
    picture = smooth((40, 24))

    def one(name, data):
        keep(name, Image.open(io.BytesIO(data)).convert('RGB'))
        write(name + '.jpg', data)

    def is_table(number):
        return lambda part: part[1] == 0xc4 and (number is None or part[4] == number)
    cmyk = picture.convert('CMYK')
    for name, kind in ('cmyk', {}), ('cmyk_progressive', {'progressive': True}):
        data = jpeg(cmyk, quality=90, **kind)
        one(name + '_adobe', data)
        one(name, without(data, lambda part: part[1] == 0xee))
    for name, image, kind in (('no_tables', picture, {'subsampling': 2}),
                              ('no_tables_444', picture, {'subsampling': 0}),
                              ('no_tables_grey', picture.convert('L'), {})):
        one(name, without(jpeg(image, quality=85, **kind), is_table(None)))
    one('some_tables', without(jpeg(picture, quality=85), is_table(0x11)))
    write('no_quantizer.jpg', without(jpeg(picture), lambda part: part[1] == 0xdb))
    write('whole.jpg', jpeg(picture, quality=85))


# PNG and WebP
def chunk(name, data):
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def exif(orientation, big=False):
    order = '>' if big else '<'
    start = b'MM\0*\0\0\0\x08' if big else b'II*\0\x08\0\0\0'
    return start + struct.pack(order + 'HHHIHHI', 1, 0x112, 3, 1, orientation, 0, 0)


def turned():
    image = image_of(CLEAR)
    plain = io.BytesIO()
    image.save(plain, 'PNG')
    plain = plain.getvalue()
    for orientation in range(1, 9):
        block = exif(orientation, orientation % 2 == 0)
        block = b'Exif\0\0' + block if orientation == 5 else block
        at = 33 if orientation % 3 else len(plain) - 12   # behind IHDR, or in front of IEND
        data = plain[:at] + chunk(b'eXIf', block) + plain[at:]
        keep('turned%d' % orientation, ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
        write('turned%d.png' % orientation, data)
    # The palette has ten colours of the sixteen.
    rows = b''.join(b'\0' + bytes(row) for row in INDICES)
    colours = b''.join(bytes(part) for part in PALETTE[:10])
    head = chunk(b'IHDR', struct.pack('>IIBBBBB', W, H, 8, 3, 0, 0, 0))
    write('index_beyond.png', plain[:8] + head + chunk(b'PLTE', colours) +
          chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
    keep('index_beyond', image_of(by_palette(INDICES, PALETTE[:10] + [(0, 0, 0)] * 6)))
    sound = plain[:33] + chunk(b'eXIf', exif(6)) + plain[33:]
    write('wrong_sum.png', sound.replace(exif(6), exif(3)))
    write('apple.png', plain[:8] + chunk(b'CgBI', b'\x50\0\x20\2') + plain[8:])


def webps():
    def one(name, image, **kind):
        out = io.BytesIO()
        image.save(out, 'WEBP', **kind)
        write(name + '.webp', out.getvalue())
        if kind.get('save_all'):
            return
        keep(name, ImageOps.exif_transpose(Image.open(io.BytesIO(out.getvalue()))))
    one('lossless', image_of(CLEAR), lossless=True, exact=True)
    one('lossy', smooth((40, 24)), quality=60)
    one('lossy_alpha', image_of(CLEAR), quality=60)
    one('turned_webp', image_of(CLEAR), lossless=True, exact=True, exif=b'Exif\0\0' + exif(6))
    one('animated', image_of(CLEAR), save_all=True, append_images=[image_of(OPAQUE)], duration=100)


# Fonts
def fonts():
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import newTable
    from fontTools.ttLib.tables.sbixGlyph import Glyph
    from fontTools.ttLib.tables.sbixStrike import Strike

    def font(has_colours=False):
        builder = FontBuilder(64, isTTF=True)
        builder.updateHead(created=0, modified=0)
        builder.font.recalcTimestamp = False   # the same bytes every time
        builder.setupGlyphOrder(['.notdef', 'lizard', 'box'])
        builder.setupCharacterMap({0x1f98e: 'lizard'})
        pen = TTGlyphPen(None)
        pen.moveTo((0, 0)), pen.lineTo((0, 64)), pen.lineTo((64, 64)), pen.lineTo((64, 0))
        pen.closePath()
        box = pen.glyph()
        builder.setupGlyf({'.notdef': TTGlyphPen(None).glyph(), 'lizard': box, 'box': box})
        builder.setupHorizontalMetrics({name: (64, 0) for name in ('.notdef', 'lizard', 'box')})
        builder.setupHorizontalHeader(ascent=64, descent=0)
        builder.setupNameTable({'familyName': 'Test', 'styleName': 'Regular'})
        builder.setupOS2()
        builder.setupPost()
        return builder
    sbix = font()
    table = newTable('sbix')
    for ppem, shade in (12, (255, 0, 0)), (48, (0, 0, 255)), (24, (0, 255, 0)):
        out = io.BytesIO()
        Image.new('RGBA', (ppem, ppem), shade + (255,)).save(out, 'PNG')
        strike = Strike(ppem=ppem, resolution=72)
        strike.glyphs['lizard'] = Glyph(glyphName='lizard', graphicType='png ',
                                        imageData=out.getvalue())
        table.strikes[ppem] = strike
    sbix.font['sbix'] = table
    sbix.save('sbix.ttf')
    for version in 0, 1:
        builder = font()
        from fontTools.colorLib.builder import buildCOLR, buildCPAL
        from fontTools.ttLib.tables import otTables
        layers = {'lizard': [('box', 0)]} if version == 0 else {
            'lizard': (otTables.PaintFormat.PaintGlyph,
                       (otTables.PaintFormat.PaintSolid, 0, 1.0), 'box')}
        builder.font['COLR'] = buildCOLR(layers, version=version)
        builder.font['CPAL'] = buildCPAL([[(1.0, 0.0, 0.0, 1.0)]])
        builder.save('colrv%d.ttf' % version)
    font().save('plain.ttf')


if __name__ == '__main__':
    bmps(), tgas(), jpegs(), turned(), webps(), fonts()
