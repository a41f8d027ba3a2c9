//! What Python calls. The caller lays arrays into the memory behind `__heap_base` and hands over where they begin. The
//! bytes of texts are followed by 16 bytes that may be read and written.

const objects = @import("objects.zig");
const shapes = @import("shapes.zig");
const whole = @import("whole.zig");

/// Reads `count` objects in `data`, each up to where `ends` says; a line feed follows each. `fields` is written by
/// `plain_objects.py`. Each column of `begins` and `sizes` has where in `data` a text lies, and `times` has the times. The
/// size of a text that is not there is `absent`; of an object that is not plain none is there.
export fn readObjects(
    data: [*]const u8,
    ends: [*]const u32,
    count: u32,
    fields: [*]const u8,
    fields_size: u32,
    times: [*]i64,
    begins: [*]u32,
    sizes: [*]u32,
) void {
    objects.read(.{
        .data = data,
        .ends = ends[0..count],
        .fields = fields[0..fields_size],
        .times = times[0..count],
        .begins = begins[0 .. count * objects.columns],
        .sizes = sizes[0 .. count * objects.columns],
    });
}

/// Numbers `count` texts in `data`: those of one shape have one number in `numbers`, from 0 on, and `firsts` has the first
/// text with each. A text whose size is `absent` has the number `absent`. Returns how many shapes there are. The texts are
/// changed. `table` has room for `table_size` numbers, a power of two and more than `count`; `seed` is any number.
export fn numberShapes(
    data: [*]u8,
    begins: [*]const u32,
    sizes: [*]const u32,
    count: u32,
    numbers: [*]u32,
    firsts: [*]u32,
    table: [*]u32,
    table_size: u32,
    seed: u32,
) u32 {
    return shapes.number(.{
        .data = data,
        .begins = begins[0..count],
        .sizes = sizes[0..count],
        .numbers = numbers[0..count],
        .firsts = firsts[0..count],
        .table = table[0..table_size],
        .seed = seed,
    });
}

/// Writes 1 to `flags` for each of `count` texts in `data` whose brackets are those of one object, else 0.
export fn findWhole(data: [*]const u8, begins: [*]const u32, sizes: [*]const u32, count: u32, flags: [*]u8) void {
    whole.find(.{ .data = data, .begins = begins[0..count], .sizes = sizes[0..count], .whole = flags[0..count] });
}
