/// Where images live, on one side of a test.
enum Place: Sendable {
    /// In the pool `rbd` of a cluster.
    case ceph(Cluster, namespace: String? = nil, dataPool: String? = nil)
    /// In a folder.
    case directory(String)

    /// The lines of a configuration that name this place.
    var configuration: String {
        switch self {
        case .directory(let path): return "directory: {path: \"\(path)\"}"
        case .ceph(let cluster, let namespace, let dataPool):
            let namespace = namespace.map { ", namespace: \($0)" } ?? ""
            let dataPool = dataPool.map { ", data-pool: \($0)" } ?? ""
            return "ceph: {conf: \"\(cluster.confPath)\", user: admin, pool: rbd\(namespace)\(dataPool)}"
        }
    }

    /// An image here.
    func image(_ name: String) -> SiteImage { SiteImage(place: self, name: name) }

    /// Removes every image whose name begins with `prefix`.
    func removeImages(prefix: String) async throws {
        // A folder goes with its stage.
        guard case .ceph(let cluster, let namespace, _) = self else { return }
        let pool = namespace.map { "rbd/\($0)" } ?? "rbd"
        let names = try await cluster.rbd("ls", pool).split(separator: "\n").filter { $0.hasPrefix(prefix) }
        for name in names.sorted() { try await image(String(name)).remove() }
    }
}
