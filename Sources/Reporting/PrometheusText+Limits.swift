extension PrometheusText {
    /// Limits in force and what goes through. Where there is no limit, there is no value of one.
    static func limits(_ limits: LimitsStatus?) -> [MetricFamily] {
        guard let limits else { return [] }
        var peerLimit = MetricFamily(
            "peer_limit_bytes_per_second", .gauge, "The limit in force for a peer; absent when there is none.")
        var peerRate = MetricFamily(
            "peer_send_bytes_per_second", .gauge, "Blocks sent to a peer a second, over the last ten seconds.")
        for peer in limits.peers {
            let labels: KeyValuePairs = ["peer": peer.peer ?? ""]
            peerLimit.add(peer.limitBytesPerSecond.map { Double($0) }, labels)
            peerRate.add(peer.bytesPerSecond, labels)
        }
        return [
            peerLimit, peerRate,
            gauge(
                "total_limit_bytes_per_second", "The limit in force for all peers together; absent when there is none.",
                limits.total.limitBytesPerSecond.map { Double($0) }),
            gauge(
                "total_send_bytes_per_second", "Blocks sent to all peers a second, over the last ten seconds.",
                limits.total.bytesPerSecond),
            gauge(
                "read_limit_bytes_per_second",
                "The limit in force for reads from the source store; absent when there is none.",
                limits.reads.limitBytesPerSecond.map { Double($0) }),
            gauge(
                "read_bytes_per_second", "Bytes read from the source store a second, over the last ten seconds.",
                limits.reads.bytesPerSecond),
        ]
    }

    private static func gauge(_ name: String, _ help: String, _ value: Double?) -> MetricFamily {
        var family = MetricFamily(name, .gauge, help)
        family.add(value)
        return family
    }
}
