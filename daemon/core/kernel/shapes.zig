//! Texts by their shapes: those that differ only in digits, or in the digits of a UUID that stands alone, are alike.
//!
//! Digits are as in `shape_cache.shape_of`, UUIDs as in `personal_data.UUID`. Two texts with one number have one shape;
//! those of one shape may, at the end of a text, have two numbers.

const std = @import("std");
const bytes = @import("bytes.zig");

const absent = bytes.absent;
const none = absent;
const uuid = "11111111-1111-1111-1111-111111111111";

const Texts = struct {
    data: [*]u8,
    begins: []const u32,
    sizes: []const u32,
    numbers: []u32,
    firsts: []u32,
    table: []u32,
    seed: u32,
};

/// Numbers the texts; see `numberShapes`.
pub fn number(texts: Texts) u32 {
    const slots: u32 = @intCast(texts.table.len - 1);
    @memset(texts.table, none);
    var count: u32 = 0;
    for (texts.begins, texts.sizes, 0..) |begin, size, row| {
        if (size == absent) {
            texts.numbers[row] = absent;
            continue;
        }
        var slot = toShape(texts.data, begin, begin + size, texts.seed) & slots;
        while (true) : (slot = (slot + 1) & slots) {
            const known = texts.table[slot];
            if (known == none) {
                texts.table[slot] = count;
                texts.firsts[count] = @intCast(row);
                texts.numbers[row] = count;
                count += 1;
                break;
            }
            const first = texts.firsts[known];
            if (texts.sizes[first] == size and bytes.equal(texts.data, texts.begins[first], texts.data, begin, size)) {
                texts.numbers[row] = known;
                break;
            }
        }
    }
    return count;
}

/// Puts 1 in the place of every digit but the 0 of 0x, and of every digit of a UUID; returns a hash of the result.
fn toShape(data: [*]u8, begin: u32, end: u32, seed: u32) u32 {
    var at = begin;
    while (at < end) : (at += bytes.width) {
        const block = bytes.block(data, at);
        const digits = (block -% bytes.all('0')) < bytes.all(10);
        const kept = (block == bytes.all('0')) & (bytes.block(data, at + 1) == bytes.all('x'));
        data[at..][0..bytes.width].* = @select(u8, digits & ~kept, bytes.all('1'), block);
        var dashes = bytes.bits(block == bytes.all('-'));
        while (dashes != 0) : (dashes &= dashes - 1) {
            const dash = at + @ctz(dashes);
            if (dash >= begin + 8 and isUuid(data[begin..end], dash - 8 - begin)) data[dash - 8 ..][0..uuid.len].* = uuid.*;
        }
    }
    return hash(data, begin, end, seed);
}

/// Returns whether a UUID begins at `at` that stands alone.
fn isUuid(text: []const u8, at: usize) bool {
    if (text.len < at + uuid.len) return false;
    if (text[at + 13] != '-' or text[at + 18] != '-' or text[at + 23] != '-') return false;
    if (at > 0 and !begins(text[at - 1])) return false;
    if (text.len > at + uuid.len and isOfWord(text[at + uuid.len])) return false;
    for (text[at..][0..uuid.len], uuid) |byte, like| {
        if (if (like == '-') byte != '-' else !isHexadecimal(byte)) return false;
    }
    return true;
}

fn begins(byte: u8) bool {
    return switch (byte) {
        ' ', '"', '\'', '=', '/', ',', '(', '[', '{' => true,
        else => false,
    };
}

fn isHexadecimal(byte: u8) bool {
    return switch (byte) {
        '0'...'9', 'a'...'f', 'A'...'F' => true,
        else => false,
    };
}

fn isOfWord(byte: u8) bool {
    return switch (byte) {
        '0'...'9', 'a'...'z', 'A'...'Z', '_' => true,
        else => false,
    };
}

/// Mixes eight bytes at a time with a multiplication, as Fibonacci hashing does. Who writes the texts does not know the
/// seed, so nobody can write many that share a place in the table.
fn hash(data: [*]const u8, begin: u32, end: u32, seed: u32) u32 {
    var mixed: u64 = (@as(u64, seed) << 32) ^ (end - begin);
    var at = begin;
    while (at < end) : (at += 8) {
        const word = std.mem.readInt(u64, data[at..][0..8], .little);
        const left = end - at;
        const part = if (left < 8) word & ((@as(u64, 1) << @intCast(8 * left)) - 1) else word;
        mixed = (mixed ^ part) *% 0x9E37_79B9_7F4A_7C15;
        mixed ^= mixed >> 29;
    }
    return @truncate(mixed >> 32);
}
