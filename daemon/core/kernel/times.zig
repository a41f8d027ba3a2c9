//! Times as machines write them: YYYY-MM-DDThh:mm:ss, a fraction or none, and a zone.

const bytes = @import("bytes.zig");

const seconds_end = "2026-11-22T10:41:07".len;
const most_digits = 9;
const micros_of_day = 86_400_000_000; // products of 64 bits are not checked: they fit, and checks take 128
const days_of_months = [_]u8{ 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
const days_of_400_years = 146_097;
const days_before_1970 = 719_468; // since 1 March of the year 0

/// Returns the microseconds since 1970, UTC; null for a time that is written in any other way.
pub fn microseconds(text: []const u8) ?i64 {
    if (text.len <= seconds_end) return null;
    if (text[4] != '-' or text[7] != '-' or text[10] != 'T' or text[13] != ':' or text[16] != ':') return null;
    const year = 100 * (two(text, 0) orelse return null) + (two(text, 2) orelse return null);
    const month = two(text, 5) orelse return null;
    const day = two(text, 8) orelse return null;
    const hour = two(text, 11) orelse return null;
    const minute = two(text, 14) orelse return null;
    const second = two(text, 17) orelse return null;
    if (year == 0 or month < 1 or month > 12 or day < 1 or hour > 23 or minute > 59 or second > 59) return null;
    const last: i32 = days_of_months[@intCast(month - 1)];
    if (day > last + @intFromBool(month == 2 and isLeap(year))) return null;
    var at: usize = seconds_end;
    var fraction: i32 = 0;
    if (text[at] == '.') {
        at += 1;
        var unit: i32 = 100_000;
        while (at < text.len and bytes.isDigit(text[at])) : (at += 1) {
            fraction += unit * (text[at] - '0');
            unit = @divTrunc(unit, 10);
        }
        const digits = at - seconds_end - 1;
        if (digits == 0 or digits > most_digits) return null;
    }
    const ahead = secondsAhead(text[at..]) orelse return null;
    const seconds = 3600 * hour + 60 * minute + second - ahead;
    return @as(i64, daysSince1970(year, month, day)) *% micros_of_day + @as(i64, seconds) *% 1_000_000 + fraction;
}

fn two(text: []const u8, at: usize) ?i32 {
    if (!bytes.isDigit(text[at]) or !bytes.isDigit(text[at + 1])) return null;
    return 10 * @as(i32, text[at] - '0') + (text[at + 1] - '0');
}

fn isLeap(year: i32) bool {
    return @rem(year, 4) == 0 and (@rem(year, 100) != 0 or @rem(year, 400) == 0);
}

/// Returns by how many seconds a zone is ahead of UTC: Z, +hh:mm or -hh:mm, at most 14 hours and 59 minutes.
fn secondsAhead(zone: []const u8) ?i32 {
    if (zone.len == 1 and zone[0] == 'Z') return 0;
    if (zone.len != 6 or zone[3] != ':' or (zone[0] != '+' and zone[0] != '-')) return null;
    const hours = two(zone, 1) orelse return null;
    const minutes = two(zone, 4) orelse return null;
    if (hours > 14 or minutes > 59) return null;
    const ahead = 3600 * hours + 60 * minutes;
    return if (zone[0] == '-') -ahead else ahead;
}

/// Howard Hinnant's `days_from_civil`: years begin in March, so that a leap day is their last.
fn daysSince1970(year: i32, month: i32, day: i32) i32 {
    const shifted = if (month > 2) year else year - 1;
    const of_month = if (month > 2) month - 3 else month + 9;
    const age = @divTrunc(shifted, 400);
    const of_age = shifted - 400 * age;
    const of_year = @divTrunc(153 * of_month + 2, 5) + day - 1;
    return days_of_400_years * age + 365 * of_age + @divTrunc(of_age, 4) - @divTrunc(of_age, 100) + of_year - days_before_1970;
}
