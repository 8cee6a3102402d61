public import FoundationEssentials

/// Times of the calendar, as in systemd.time(7): `Mon..Fri 02:30`, `*-*-1 00:00`, `hourly`.
///
/// The language is that of OnCalendar= in whole seconds; `@SECONDS` and abbreviations of zones are not in it. Without
/// a zone, times are those of the host when the text was read. As in systemd, a time that clocks skip is not due that
/// day, and one that they show twice is due once, the first time.
public struct CalendarEvent: Hashable, Sendable {
    /// As it was written.
    public let text: String
    private let fields: CalendarFields
    private let zone: TimeZoneRules

    /// Reads an expression.
    public init(_ text: String) throws(ScheduleError) { try self.init(text, hostZone: nil) }

    /// Reads an expression; times without a zone are those of `hostZone`, or else of this host.
    init(_ text: String, hostZone: TimeZoneRules?) throws(ScheduleError) {
        do throws(ScheduleError) {
            let reader = try CalendarEventReader(text)
            if let name = reader.zoneName {
                zone = try TimeZoneDatabase.zone(named: String(name))
            } else if let hostZone {
                zone = hostZone
            } else {
                zone = try TimeZoneDatabase.hostZone()
            }
            fields = reader.fields
            self.text = text
        } catch {
            throw ScheduleError(problem: "calendar event \"\(text)\": \(error.problem)", remedy: error.remedy)
        }
    }

    /// The first time after `date`; nil when there is none any more, up to the year 2199.
    public func next(after date: Date) -> Date? {
        // Also keeps the arithmetic below within bounds; a date that is no number is not less.
        guard date.timeIntervalSince1970 < Self.lastSecond else { return nil }
        let earliest = Int64(max(date.timeIntervalSince1970.rounded(.down), -1)) + 1
        var wall = earliest + zone.offset(at: earliest)
        while let due = fields.firstWallTime(from: wall) {
            switch zone.moment(ofWallTime: due) {
            case .once(let instant): return Date(timeIntervalSince1970: Double(instant))
            case .twice(let first, _) where first >= earliest: return Date(timeIntervalSince1970: Double(first))
            case .twice(_, let end): wall = end
            case .never(let end): wall = end
            }
        }
        return nil
    }

    /// 2200-01-03: no zone is so far behind that its year 2199 lasts longer.
    private static let lastSecond = 7_258_291_200.0
}
