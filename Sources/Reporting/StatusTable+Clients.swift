import FerryCore

extension StatusTable {
    /// `client sender.site-a: 1 of 8 connections, 18 of 20 images, 1.2 TiB of 20.0 TiB`: a line for each client that has a
    /// quota, with the bounds that it has.
    static func clientLines(_ clients: [ClientStatus]) -> [String] {
        clients.compactMap { client in
            let uses = client.quotaUses
            guard !uses.isEmpty else { return nil }
            return "client \(client.name.printable): \(uses.map(\.text).joined(separator: ", "))"
        }
    }
}
