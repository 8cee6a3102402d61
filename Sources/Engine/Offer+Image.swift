import Conversation
import FerryCore
import ImageStore

extension Offer {
    /// Those of the snapshots, newest first, that an offer lists: as many as the limits for their number and names allow.
    static func listed(_ newestFirst: some Sequence<SnapshotIdentity>) -> [SnapshotIdentity] {
        var nameByteCount = 0
        let listed = newestFirst.prefix(Limits.offeredSnapshotCountMax).prefix { snapshot in
            nameByteCount += snapshot.name.utf8.count
            return nameByteCount <= Limits.offeredNameByteCountMax
        }
        return Array(listed)
    }
}

extension OfferedLayout {
    /// An image's layout, as it is offered.
    init(_ layout: ImageLayout) {
        self.init(
            objectOrder: layout.objectOrder, stripeUnitByteCount: layout.stripeUnitByteCount,
            stripeCount: layout.stripeCount)
    }
}
