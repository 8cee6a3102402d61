import FerryCore

/// What a client has taken of one bound of its quota.
struct QuotaUse {
    /// What is bounded, as metrics call it.
    enum Bound: String {
        case connections
        case images
        case bytes

        /// The bound's key in the configuration.
        var key: String { "\(rawValue)-max" }
    }
    /// From this share on it is nearly used up.
    static let warningRatio = 0.9

    let bound: Bound
    let taken: UInt64
    let limit: UInt64

    /// `taken` over `limit`; more than 1 where the bound was lowered.
    var ratio: Double { limit == 0 ? 1 : Double(taken) / Double(limit) }

    /// `18 of 20 images`, `1.2 TiB of 20.0 TiB`
    var text: String {
        switch bound {
        case .connections, .images: "\(taken) of \(limit) \(bound.rawValue)"
        case .bytes: "\(Quantity.bytes(taken)) of \(Quantity.bytes(limit))"
        }
    }

    /// Whether someone should look at it now. Bytes grow by themselves; a client may well have all its images in, and one
    /// connection too many is tried again.
    var isWarning: Bool { bound == .bytes && ratio >= Self.warningRatio }
}

extension ClientStatus {
    /// What is taken of each bound that there is.
    var quotaUses: [QuotaUse] {
        func use(_ bound: QuotaUse.Bound, _ taken: UInt64, _ limit: UInt64?) -> QuotaUse? {
            limit.map { QuotaUse(bound: bound, taken: taken, limit: $0) }
        }
        let uses = [
            use(.connections, UInt64(clamping: connectionCount), connectionCountMax.map { UInt64(clamping: $0) }),
            use(.images, UInt64(clamping: imageCount), imageCountMax.map { UInt64(clamping: $0) }),
            use(.bytes, bytes, bytesMax),
        ]
        return uses.compactMap(\.self)
    }
}

extension AgentStatus {
    /// Takes over what clients take, and warns of those that can take little more.
    public mutating func note(_ clients: [ClientStatus]) {
        self.clients = clients
        for client in clients {
            for use in client.quotaUses where use.isWarning {
                let percent = Quantity.decimal((use.ratio * 100).rounded(.down), digits: 0)
                warnings.append("client \(client.name) has taken \(percent)% of its \(use.bound.key)")
            }
        }
    }
}
