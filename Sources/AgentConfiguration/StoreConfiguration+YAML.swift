import SecureTransport

extension YAMLWriter {
    /// `store:`
    mutating func add(_ store: StoreConfiguration) {
        section("store") { writer in
            switch store {
            case .directory(let path):
                writer.section("directory") { $0.add("path", path) }
            case .ceph(let conf, let user, let places, let dataPool, let isQualified):
                writer.section("ceph") { writer in
                    writer.add("conf", conf)
                    writer.add("user", user)
                    if isQualified {
                        writer.addRaw("pools", YAMLText.list(places.map(\.description)))
                    } else {
                        writer.add("pool", ifPresent: places.first?.pool)
                        writer.add("namespace", ifPresent: places.first?.namespace)
                    }
                    writer.add("data-pool", ifPresent: dataPool)
                }
            }
        }
    }

    /// `tls:`
    mutating func add(_ files: TLSFiles) {
        section("tls") { writer in
            writer.add("authority", files.authority)
            writer.add("certificate", files.certificate)
            writer.add("key", files.key)
            writer.add("revoked", ifPresent: files.revoked)
        }
    }
}
