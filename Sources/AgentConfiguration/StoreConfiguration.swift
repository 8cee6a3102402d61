import FerryCore

/// Where an agent's images live.
public enum StoreConfiguration: Sendable, Equatable {
    /// Ceph pools: configuration file, user without `client.`, at least one place, data pool of new images. When
    /// `isQualified`, images are named `POOL[/NAMESPACE]/IMAGE`; otherwise there is one place, and they are named
    /// `IMAGE`.
    case ceph(conf: String, user: String, places: [CephPlace], dataPool: String?, isQualified: Bool)
    /// A folder of raw sparse files.
    case directory(path: String)

    /// The pools and namespaces; none for a folder.
    public var places: [CephPlace] {
        switch self {
        case .ceph(_, _, let places, _, _): places
        case .directory: []
        }
    }

    /// Whether images are named with their pool.
    public var isQualified: Bool {
        switch self {
        case .ceph(_, _, _, _, let isQualified): isQualified
        case .directory: false
        }
    }
}

extension StoreConfiguration {
    /// Reads `store:`; nil when a fault was noted.
    init?(_ section: ConfigurationSection?) {
        guard var section else { return nil }
        let ceph = section.section("ceph")
        let directory = section.section("directory")
        section.finish()
        guard section.has("ceph") != section.has("directory") else {
            section.note("store must be either ceph or directory", "keep one of the two")
            return nil
        }
        if var directory {
            let path = directory.requiredPath("path")
            directory.finish()
            guard let path else { return nil }
            self = .directory(path: path)
        } else if let ceph {
            self.init(ceph: ceph)
        } else {
            return nil
        }
    }

    private init?(ceph section: ConfigurationSection) {
        var section = section
        let conf = section.path("conf") ?? "/etc/ceph/ceph.conf"
        let user = section.text("user") ?? "rbd-ferry"
        let dataPool = section.emptiableText("data-pool")
        let places = section.places()
        let isQualified = section.has("pools")
        section.finish()
        guard let places else { return nil }
        self = .ceph(
            conf: conf, user: user, places: places, dataPool: dataPool == "" ? nil : dataPool, isQualified: isQualified)
    }
}

extension ConfigurationSection {
    /// The places of `pools`, or the one of `pool` and `namespace`; nil when a fault was noted.
    fileprivate mutating func places() -> [CephPlace]? {
        let pool = text("pool")
        let namespace = emptiableText("namespace")
        let pools = texts("pools")
        guard has("pools") else {
            require("pool")
            return pool.flatMap { place($0, namespace: namespace == "" ? nil : namespace) }.map { [$0] }
        }
        for key in ["pool", "namespace"] where has(key) {
            note("\(key) can't be beside pools", "write POOL/NAMESPACE into the list under pools:", at: key)
        }
        guard let pools else { return nil }
        if pools.isEmpty { note("pools is an empty list", "name a pool", at: "pools") }
        let places = pools.compactMap { place($0, key: "pools") }
        if Set(places).count < places.count { note("pools names a place twice", "keep one of the two", at: "pools") }
        return places.count == pools.count && !places.isEmpty ? places : nil
    }

    private func place(_ text: String, namespace: String? = nil, key: String = "pool") -> CephPlace? {
        guard var place = CephPlace(text), place.namespace == nil || namespace == nil else {
            note("\(text.printable) is no pool", "write POOL or POOL/NAMESPACE", at: key)
            return nil
        }
        if let namespace { place.namespace = namespace }
        return place
    }
}
