//! Sixteen bytes at a time.

/// How many bytes are looked at together.
pub const width = 16;
/// The size of a text that is not there.
pub const absent: u32 = 0xffff_ffff;
pub const Block = @Vector(width, u8);

/// Returns the block that begins at `at`.
pub fn block(data: [*]const u8, at: u32) Block {
    return data[at..][0..width].*;
}

/// Returns a block that holds one byte everywhere.
pub fn all(byte: u8) Block {
    return @splat(byte);
}

/// Returns a bit for each of a block's bytes.
pub fn bits(marks: @Vector(width, bool)) u16 {
    return @bitCast(marks);
}

/// Returns whether `size` bytes at `a` of one text are those at `b` of another.
pub fn equal(left: [*]const u8, a: u32, right: [*]const u8, b: u32, size: u32) bool {
    var at: u32 = 0;
    while (at < size) : (at += width) {
        const unequal = bits(block(left, a + at) != block(right, b + at));
        if (unequal != 0) return at + @ctz(unequal) >= size;
    }
    return true;
}

pub fn isDigit(byte: u8) bool {
    return byte -% '0' < 10;
}
