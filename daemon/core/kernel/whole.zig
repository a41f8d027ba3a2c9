//! Whether texts are one object each, by their brackets: what a reader needs that decodes many of them as one array, in
//! which half an object and the other half in the next text would become one.

const bytes = @import("bytes.zig");

const Texts = struct {
    data: [*]const u8,
    begins: []const u32,
    sizes: []const u32,
    whole: []u8,
};

/// Finds out of each text; see `findWhole`.
pub fn find(texts: Texts) void {
    for (texts.begins, texts.sizes, texts.whole) |begin, size, *whole| {
        whole.* = @intFromBool(isWhole(texts.data, begin, begin + size));
    }
}

/// Returns whether a bracket opens with the text, and the last one closes with it. What is between is not JSON for that.
fn isWhole(data: [*]const u8, begin: u32, end: u32) bool {
    var at = endOfSpace(data, begin, end);
    var depth: u32 = 0;
    while (at < end) : (at += 1) {
        switch (data[at]) {
            '{', '[' => depth += 1,
            '}', ']' => {
                if (depth < 2) return depth == 1 and endOfSpace(data, at + 1, end) == end;
                depth -= 1;
            },
            '"' => at = endOfText(data, at + 1, end) orelse return false,
            else => {},
        }
        if (depth == 0) return false;
    }
    return false;
}

/// Returns where the quotation mark is that ends a text.
fn endOfText(data: [*]const u8, start: u32, end: u32) ?u32 {
    var at = start;
    while (at < end) {
        const block = bytes.block(data, at);
        const found = bytes.bits((block == bytes.all('"')) | (block == bytes.all('\\')));
        if (found == 0) {
            at += bytes.width;
            continue;
        }
        at += @ctz(found);
        if (at >= end) return null;
        if (data[at] == '"') return at;
        at += 2;
    }
    return null;
}

fn endOfSpace(data: [*]const u8, start: u32, end: u32) u32 {
    var at = start;
    while (at < end) : (at += 1) switch (data[at]) {
        ' ', '\t', '\r', '\n' => {},
        else => return at,
    };
    return at;
}
