extension PrometheusText {
    /// What clients take of a receiver, and may take. Where there is no bound, there is no value of one.
    static func clients(_ clients: [ClientStatus]) -> [MetricFamily] {
        var ratios = MetricFamily(
            "client_quota_ratio", .gauge,
            "How much of a bound of its quota a client has taken: 1 is all; absent when there is no such bound.")
        for client in clients {
            for use in client.quotaUses {
                ratios.add(use.ratio, ["client": client.name, "quota": use.bound.rawValue])
            }
        }
        return [
            gauge("client_connections", "Connections of a client that are open now.", clients) {
                Double($0.connectionCount)
            },
            gauge(
                "client_connections_max", "Connections that a client may have; absent when there is no bound.", clients
            ) { $0.connectionCountMax.map { Double($0) } },
            gauge("client_images", "Mirrors of a client.", clients) { Double($0.imageCount) },
            gauge("client_images_max", "Mirrors that a client may have; absent when there is no bound.", clients) {
                $0.imageCountMax.map { Double($0) }
            },
            gauge("client_bytes", "Sizes of a client's mirrors together.", clients) { Double($0.bytes) },
            gauge(
                "client_bytes_max", "What a client's mirrors may have together; absent when there is no bound.", clients
            ) { $0.bytesMax.map { Double($0) } },
            ratios,
        ]
    }

    private static func gauge(
        _ name: String, _ help: String, _ clients: [ClientStatus], _ value: (ClientStatus) -> Double?
    ) -> MetricFamily {
        var family = MetricFamily(name, .gauge, help)
        for client in clients { family.add(value(client), ["client": client.name]) }
        return family
    }
}
