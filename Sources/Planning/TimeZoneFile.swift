/// A compiled time zone file, as RFC 8536 has it, of version 2 or later.
///
/// We read them ourselves: Foundation would bring its own tables with it, which age, and mktime(3) knows one zone a
/// process.
struct TimeZoneFile {
    /// What it says.
    let rules: TimeZoneRules

    /// Reads a file's bytes; nil when they are malformed.
    init?(_ bytes: [UInt8]) {
        var rest = bytes[...]
        // The first block is for readers that know 32 bits only.
        guard let old = Header(&rest), old.version >= UInt8(ascii: "2"),
            Self.take(old.bodyByteCount(timeByteCount: 4), &rest) != nil,
            let header = Header(&rest), let changes = Self.takeChanges(header, &rest)
        else { return nil }
        let footer = String(decoding: rest, as: UTF8.self)
        guard footer.first == "\n", footer.last == "\n", footer.utf8.count >= 2 else { return nil }
        let rule = footer.dropFirst().dropLast()
        var later: YearlyClockRule?
        if !rule.isEmpty {
            guard let read = YearlyClockRule(String(rule)) else { return nil }
            later = read
        }
        rules = TimeZoneRules(firstOffsetSeconds: changes.first, changes: changes.others, later: later)
    }

    private struct Header {
        let version: UInt8
        /// Numbers of: UTC flags, standard time flags, leap seconds, changes, types of local time, letters of names.
        let utcCount, standardCount, leapCount, changeCount, typeCount, letterCount: Int

        init?(_ rest: inout ArraySlice<UInt8>) {
            guard let magic = take(5, &rest), magic.prefix(4).elementsEqual("TZif".utf8), take(15, &rest) != nil,
                let version = magic.last
            else { return nil }
            self.version = version
            var counts: [Int] = []
            for _ in 0..<6 {
                guard let number = take(4, &rest) else { return nil }
                counts.append(Int(bigEndian(number)))
            }
            // Files are of some kilobytes; and zones that count leap seconds give other instants than the clock does.
            guard counts.allSatisfy({ $0 <= 65_536 }), counts[2] == 0, counts[4] >= 1 else { return nil }
            (utcCount, standardCount, leapCount) = (counts[0], counts[1], counts[2])
            (changeCount, typeCount, letterCount) = (counts[3], counts[4], counts[5])
        }

        func bodyByteCount(timeByteCount: Int) -> Int {
            changeCount * (timeByteCount + 1) + typeCount * typeByteCount + letterCount
                + leapCount * (timeByteCount + 4) + standardCount + utcCount
        }
    }

    private static func takeChanges(
        _ header: Header, _ rest: inout ArraySlice<UInt8>
    ) -> (first: Int64, others: [TimeZoneRules.Change])? {
        guard let times = take(header.changeCount * 8, &rest), let indices = take(header.changeCount, &rest),
            let types = take(header.typeCount * typeByteCount, &rest),
            take(header.letterCount + header.standardCount + header.utcCount, &rest) != nil
        else { return nil }
        var offsets: [Int64] = []
        for type in 0..<header.typeCount {
            let start = types.startIndex + type * typeByteCount
            let offset = Int64(Int32(truncatingIfNeeded: bigEndian(types[start..<start + 4])))
            guard abs(offset) <= TimeZoneRules.offsetSecondsMax else { return nil }
            offsets.append(offset)
        }
        var changes: [TimeZoneRules.Change] = []
        for (number, index) in indices.enumerated() {
            let start = times.startIndex + number * 8
            let instant = Int64(bitPattern: bigEndian(times[start..<start + 8]))
            guard Int(index) < offsets.count, changes.last.map({ $0.instant < instant }) ?? true else { return nil }
            changes.append(.init(instant: instant, offsetSeconds: offsets[Int(index)]))
        }
        return (offsets[0], changes)
    }

    /// Offset, whether it is summer, where its name is.
    private static let typeByteCount = 6

    private static func take(_ count: Int, _ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private static func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
