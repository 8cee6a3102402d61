import Planning

/// Two clients whose entries lead to the same mirror can take it from each other, since a client says itself which image
/// it sends.
struct ClientOverlap: Equatable {
    /// The clients' identities, in their order in the file.
    let first: String
    let second: String

    /// The clients that could write the same mirrors, as far as prefixes and patterns tell.
    static func find(in clients: [ReceiverConfiguration.Client]) -> [ClientOverlap] {
        clients.indices.flatMap { index in
            clients[(index + 1)...].filter { overlap(clients[index], $0) }.map {
                ClientOverlap(first: clients[index].identity, second: $0.identity)
            }
        }
    }

    private static func overlap(_ one: ReceiverConfiguration.Client, _ other: ReceiverConfiguration.Client) -> Bool {
        if let place = one.place, let otherPlace = other.place, place != otherPlace { return false }
        return one.mirrors.contains { mirror in other.mirrors.contains { mirror.canEqual($0) } }
    }
}

/// The names that a pattern's mirrors can have: all that begin with a text, or that one.
private struct MirrorNames {
    let head: String
    let isWhole: Bool

    func canEqual(_ other: MirrorNames) -> Bool {
        switch (isWhole, other.isWhole) {
        case (true, true): head == other.head
        case (true, false): head.hasPrefix(other.head)
        case (false, true): other.head.hasPrefix(head)
        case (false, false): head.hasPrefix(other.head) || other.head.hasPrefix(head)
        }
    }
}

extension ReceiverConfiguration.Client {
    fileprivate var mirrors: [MirrorNames] {
        images.map { pattern in
            let ownName = pattern.text.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
            let head = ownName.prefix { !"*?[\\".contains($0) }
            return MirrorNames(head: prefix + head, isWhole: head.count == ownName.count)
        }
    }
}
