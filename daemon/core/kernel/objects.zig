//! Plain JSON objects, one in each text: their fields, without building anything else of them.
//!
//! An object is read if what is looked for in it is text or null and written without escapes. It must be JSON to the last
//! byte, as strict readers want it. Everything else is left, for a reader that can say what is wrong with it.

const std = @import("std");
const bytes = @import("bytes.zig");
const microseconds = @import("times.zig").microseconds;

/// message, time, scope, key, level, version
pub const columns = 6;
const message = 0;
const time_column = 1;
const absent = bytes.absent;
/// The time of an object that has none.
const no_time = std.math.minInt(i64);
const most_nodes = 96;
const most_depth = 12;
/// So many digits are a number for every reader.
const most_digits = 18;

const Objects = struct {
    data: [*]const u8,
    ends: []const u32,
    fields: []const u8,
    times: []i64,
    begins: []u32,
    sizes: []u32,
};

/// A part of a text.
const Part = struct { begin: u32 = 0, size: u32 = absent };

/// What is looked for: an object with other nodes in it, a text, or a name that makes an object not plain.
const Kind = enum(u8) { object, text, exception };
const Node = struct { parent: u8, kind: Kind, name: u32, size: u8 };
const root: u8 = 0xff;
/// The node of a name that nobody looks for.
const unknown: u8 = 0xfe;
const longest_name = 0xff;
/// The place behind what is not plain.
const nowhere: u32 = 0xffff_ffff;

/// The nodes, and for each column the nodes that may hold it, the best first. `of_size` has the
/// last node whose name has a size, `before` the one before a node whose name has the same size.
const Fields = struct {
    written: []const u8,
    nodes: [most_nodes]Node,
    count: u8,
    choices: [columns][]const u8,
    of_size: [256]u8 = @splat(unknown),
    before: [most_nodes]u8 = undefined,

    fn from(written: []const u8) Fields {
        var fields = Fields{ .written = written, .count = written[0], .nodes = undefined, .choices = undefined };
        var at: u32 = 1;
        for (fields.nodes[0..fields.count], 0..) |*node, number| {
            node.* = .{ .parent = written[at], .kind = @enumFromInt(written[at + 1]), .size = written[at + 2], .name = at + 3 };
            at += 3 + node.size;
            fields.before[number] = fields.of_size[node.size];
            fields.of_size[node.size] = @intCast(number);
        }
        for (&fields.choices) |*choice| {
            choice.* = written[at + 1 ..][0..written[at]];
            at += 1 + written[at];
        }
        return fields;
    }
};

/// Reads the objects; see `readObjects`.
pub fn read(objects: Objects) void {
    const count = objects.ends.len;
    const fields = Fields.from(objects.fields);
    var scanner = Scanner{ .data = objects.data, .fields = &fields };
    var begin: u32 = 0;
    for (objects.ends, 0..) |end, row| {
        const plain = scanner.object(begin, root, most_depth) == end and scanner.isText(begin, end) and scanner.hasMessage();
        const time = if (plain) scanner.readTime() else null;
        objects.times[row] = time orelse no_time;
        for (fields.choices, 0..) |choice, column| {
            const part = if (time == null) Part{} else scanner.chosen(choice);
            objects.begins[column * count + row] = part.begin;
            objects.sizes[column * count + row] = part.size;
        }
        begin = end + 1;
    }
}

/// Walks through an object, one step of its grammar in each function: from a place in the data to the place behind what
/// stands there, or to `nowhere`. Each object ends in a line feed, which is a part of nothing, so no step leaves it.
const Scanner = struct {
    data: [*]const u8,
    fields: *const Fields,
    found: [most_nodes]Part = undefined,
    seen: [most_nodes]bool = undefined,
    /// Whether there may be bytes that are not ASCII's.
    beyond_ascii: bool = false,

    fn object(self: *Scanner, start: u32, parent: u8, depth: u8) u32 {
        const data = self.data;
        if (parent == root) self.begin();
        if (data[start] != '{' or depth == 0) return nowhere;
        var at = skipSpace(data, start + 1);
        if (data[at] == '}') return at + 1;
        while (true) {
            const name = at + 1;
            const end = self.endOfText(at);
            if (end == nowhere) return nowhere;
            at = skipSpace(data, end);
            if (data[at] != ':') return nowhere;
            at = skipSpace(data, at + 1);
            const node = self.child(parent, name, end - 1 - name);
            at = if (node == unknown) self.value(at, depth) else self.known(at, node, depth);
            if (at == nowhere) return nowhere;
            at = skipSpace(data, at);
            if (data[at] == '}') return at + 1;
            if (data[at] != ',') return nowhere;
            at = skipSpace(data, at + 1);
        }
    }

    /// Takes what is looked for. What is there twice, or is no text, is for another reader.
    fn known(self: *Scanner, at: u32, node: u8, depth: u8) u32 {
        if (self.seen[node]) return nowhere;
        self.seen[node] = true;
        if (self.data[at] == 'n') return endOfWord(self.data, at, "null");
        switch (self.fields.nodes[node].kind) {
            .object => return self.object(at, node, depth - 1),
            .text => {
                const end = self.endOfText(at);
                if (end != nowhere) self.found[node] = .{ .begin = at + 1, .size = end - at - 2 };
                return end;
            },
            .exception => return nowhere,
        }
    }

    fn value(self: *Scanner, at: u32, depth: u8) u32 {
        return switch (self.data[at]) {
            '"' => self.endOfText(at),
            '{' => self.object(at, unknown, depth - 1),
            '[' => self.array(at, depth - 1),
            'n' => endOfWord(self.data, at, "null"),
            't' => endOfWord(self.data, at, "true"),
            'f' => endOfWord(self.data, at, "false"),
            else => endOfNumber(self.data, at),
        };
    }

    fn array(self: *Scanner, start: u32, depth: u8) u32 {
        const data = self.data;
        if (depth == 0) return nowhere;
        var at = skipSpace(data, start + 1);
        if (data[at] == ']') return at + 1;
        while (true) {
            at = self.value(at, depth);
            if (at == nowhere) return nowhere;
            at = skipSpace(data, at);
            if (data[at] == ']') return at + 1;
            if (data[at] != ',') return nowhere;
            at = skipSpace(data, at + 1);
        }
    }

    fn begin(self: *Scanner) void {
        self.beyond_ascii = false;
        @memset(self.found[0..self.fields.count], Part{});
        @memset(self.seen[0..self.fields.count], false);
    }

    /// Takes a text without escapes and control characters.
    fn endOfText(self: *Scanner, start: u32) u32 {
        if (self.data[start] != '"') return nowhere;
        var at = start + 1;
        while (true) : (at += bytes.width) {
            const block = bytes.block(self.data, at);
            if (bytes.bits(block >= bytes.all(0x80)) != 0) self.beyond_ascii = true;
            const special = (block == bytes.all('"')) | (block == bytes.all('\\')) | (block < bytes.all(' '));
            const found = bytes.bits(special);
            if (found == 0) continue;
            at += @ctz(found);
            return if (self.data[at] == '"') at + 1 else nowhere;
        }
    }

    /// Returns whether an object is UTF-8.
    fn isText(self: *const Scanner, start: u32, end: u32) bool {
        return !self.beyond_ascii or std.unicode.utf8ValidateSlice(self.data[start..end]);
    }

    /// Returns the node of a name in an object, or `unknown`.
    fn child(self: *const Scanner, parent: u8, name: u32, size: u32) u8 {
        if (parent == unknown or size > longest_name) return unknown;
        const fields = self.fields;
        var node = fields.of_size[size];
        while (node != unknown) : (node = fields.before[node]) {
            if (fields.nodes[node].parent != parent) continue;
            if (bytes.equal(fields.written.ptr, fields.nodes[node].name, self.data, name, size)) return node;
        }
        return if (parent == root) self.exception(name, size) else unknown;
    }

    /// Returns the node of an exception whose name and a dot a name begins with, or `unknown`.
    fn exception(self: *const Scanner, name: u32, size: u32) u8 {
        const fields = self.fields;
        for (fields.nodes[0..fields.count], 0..) |node, number| {
            if (node.kind != .exception or node.size >= size or self.data[name + node.size] != '.') continue;
            if (bytes.equal(fields.written.ptr, node.name, self.data, name, node.size)) return @intCast(number);
        }
        return unknown;
    }

    /// Returns the first of some texts that is not empty, else an empty one if there is one.
    fn chosen(self: *const Scanner, choice: []const u8) Part {
        var empty = Part{};
        for (choice) |node| {
            const part = self.found[node];
            if (part.size == absent) continue;
            if (part.size > 0) return part;
            empty = part;
        }
        return empty;
    }

    /// Returns whether the message has a letter, a digit or a sign of ASCII.
    fn hasMessage(self: *const Scanner) bool {
        const part = self.chosen(self.fields.choices[message]);
        if (part.size == absent) return false;
        for (self.data[part.begin..][0..part.size]) |byte| {
            if (byte > ' ' and byte < 0x7f) return true;
        }
        return false;
    }

    /// Returns the time, `no_time` where there is none, null where it is not written in the usual way.
    fn readTime(self: *const Scanner) ?i64 {
        const part = self.chosen(self.fields.choices[time_column]);
        if (part.size == absent or part.size == 0) return no_time;
        return microseconds(self.data[part.begin..][0..part.size]);
    }
};

fn skipSpace(data: [*]const u8, start: u32) u32 {
    var at = start;
    while (data[at] == ' ' or data[at] == '\t') at += 1;
    return at;
}

fn endOfWord(data: [*]const u8, start: u32, comptime word: []const u8) u32 {
    inline for (word, 0..) |byte, place| {
        if (data[start + place] != byte) return nowhere;
    }
    return start + word.len;
}

/// Takes a number without an exponent.
fn endOfNumber(data: [*]const u8, start: u32) u32 {
    const begin = if (data[start] == '-') start + 1 else start;
    var at = endOfDigits(data, begin);
    if (at == begin or (data[begin] == '0' and at > begin + 1)) return nowhere;
    if (data[at] == '.') {
        const fraction = at + 1;
        at = endOfDigits(data, fraction);
        if (at == fraction) return nowhere;
    }
    return if (at - begin > most_digits) nowhere else at;
}

fn endOfDigits(data: [*]const u8, start: u32) u32 {
    var at = start;
    while (bytes.isDigit(data[at])) at += 1;
    return at;
}
