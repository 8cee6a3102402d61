public import FerryCore
public import FoundationEssentials

/// Which snapshots of an image stay.
public enum Retention: Hashable, Sendable {
    /// All of them.
    case all
    /// Those that a rule names, and those that must stay.
    case rules(RetentionRules)
}

/// How many snapshots each rule keeps; a snapshot stays when any rule wants it.
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
    /// The snapshots that can go, oldest first. `held` are ids that stay whatever the rules say: bases, targets
    /// under way. `isOurs` tells which names we made; others are left alone unless `also` names them.
    public func removable(
        of snapshots: [RetainedSnapshot], held: Set<UInt64>, now: Date, isOurs: (String) -> Bool
    ) -> [SnapshotIdentity] { [] }

    /// Of snapshots that are candidates to be sent, those that a rule other than `last` wants, oldest first.
    public func wantedInBetween(of snapshots: [RetainedSnapshot], now: Date) -> [SnapshotIdentity] { [] }
}
