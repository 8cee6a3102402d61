public import FerryCore
public import FoundationEssentials

/// Which snapshots of an image stay.
public enum Retention: Hashable, Sendable {
    /// All of them.
    case all
    /// Those that a rule names, and those that must stay.
    case rules(RetentionRules)
}

/// How many snapshots each rule keeps; a snapshot stays when any rule wants it. A number below zero counts as zero.
public struct RetentionRules: Hashable, Sendable {
    /// The newest ones.
    public var last = 0
    /// The newest of each of so many hours that have one, in UTC; and so on.
    public var hourly = 0
    /// Of each day.
    public var daily = 0
    /// Of each week, Monday to Sunday.
    public var weekly = 0
    /// Of each month.
    public var monthly = 0
    /// Patterns of names of snapshots that we did not make and that these rules take in too.
    public var also: [ImagePattern] = []

    /// Rules that keep nothing.
    public init() {}
}

/// A snapshot as retention sees it.
public struct RetainedSnapshot: Hashable, Sendable {
    /// Id and name.
    public var identity: SnapshotIdentity
    /// When it was made, by the clock of the side that it is on.
    public var time: Date

    /// A snapshot from its parts.
    public init(identity: SnapshotIdentity, time: Date) {
        self.identity = identity
        self.time = time
    }
}

extension Retention {
    /// The snapshots that can go, oldest first. `isOurs` tells which names we made; others are left alone, and not
    /// counted, unless `also` names them. Snapshots from after `now`, made before a clock was set back, stay and are
    /// not counted either. Of two snapshots of the same time the one with the higher id is newer.
    ///
    /// `held` are ids that stay whatever the rules say. A sender holds for each peer what it acknowledged last and the
    /// target in flight (which may be published already, with its answer lost), a mirror what it published last: then
    /// both always have a base in common.
    public func removable(
        of snapshots: [RetainedSnapshot], held: Set<UInt64>, now: Date, isOurs: (String) -> Bool
    ) -> [SnapshotIdentity] {
        guard case .rules(let rules) = self else { return [] }
        let governed = snapshots.filter { snapshot in
            let name = snapshot.identity.name
            return isOurs(name) || rules.also.contains { $0.matches(name) }
        }
        let newestFirst = governed.newestFirst(until: now)
        let kept = rules.newest(of: newestFirst).union(rules.periodic(of: newestFirst)).union(held)
        return newestFirst.reversed().map(\.identity).filter { !kept.contains($0.id) }
    }

    /// Of snapshots that are candidates to be sent, those that a rule other than `last` wants, oldest first;
    /// `.all` wants all that are not from after `now`. With the newest one among the candidates, the others of its
    /// hour, day, week and month are not wanted for that hour, day, week and month.
    public func wantedInBetween(of snapshots: [RetainedSnapshot], now: Date) -> [SnapshotIdentity] {
        let newestFirst = snapshots.newestFirst(until: now)
        switch self {
        case .all:
            return newestFirst.reversed().map(\.identity)
        case .rules(let rules):
            let wanted = rules.periodic(of: newestFirst)
            return newestFirst.reversed().map(\.identity).filter { wanted.contains($0.id) }
        }
    }
}

extension RetentionRules {
    /// What `last` keeps.
    fileprivate func newest(of newestFirst: [RetainedSnapshot]) -> Set<UInt64> {
        Set(newestFirst.prefix(max(last, 0)).map(\.identity.id))
    }

    /// What the rules over hours, days, weeks and months keep.
    fileprivate func periodic(of newestFirst: [RetainedSnapshot]) -> Set<UInt64> {
        let rules = [(hourly, Period.hour), (daily, .day), (weekly, .week), (monthly, .month)]
        var kept = Set<UInt64>()
        for (count, period) in rules {
            var remaining = max(count, 0)
            var latest: Int64?
            for snapshot in newestFirst where remaining > 0 {
                let number = period.number(of: snapshot.time)
                guard number != latest else { continue }
                latest = number
                remaining -= 1
                kept.insert(snapshot.identity.id)
            }
        }
        return kept
    }
}

extension [RetainedSnapshot] {
    /// Those up to `now`, the newest first. Of a time that is none (NaN) the difference is not above zero.
    fileprivate func newestFirst(until now: Date) -> Self {
        filter { now.timeIntervalSince($0.time) >= 0 }.sorted { ($0.time, $0.identity.id) > ($1.time, $1.identity.id) }
    }
}
