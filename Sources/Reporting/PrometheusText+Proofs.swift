import FoundationEssentials

extension PrometheusText {
    /// What is known about whether mirrors equal their sources.
    static func proofs(_ images: [ImageStatus]) -> [MetricFamily] {
        var times = MetricFamily(
            "proof_timestamp_seconds", .gauge,
            "When a comparison with the source ended, in seconds since 1970: the last that compared everything (full), and the last of any scope."
        )
        var ratios = MetricFamily(
            "proof_compared_ratio", .gauge, "How much of the image the last comparison looked at, from 0 to 1.")
        var differ = MetricFamily(
            "mirror_differs", .gauge, "1 when the mirror was found to differ, until that is mended or dismissed.")
        var bytes = MetricFamily(
            "proof_differing_bytes", .gauge, "How many bytes of the mirror were found to differ; 0 without an alarm.")
        var late = MetricFamily(
            "proof_late", .gauge, "1 when the last comparison of all is older than two of the rule's full-every.")
        for image in images {
            let proofs = [("full", image.lastFullProof), ("any", image.lastProof)]
            for (scope, proof) in proofs {
                times.add(
                    proof?.at.timeIntervalSince1970, ["image": image.image, "peer": image.peer, "scope": scope])
                ratios.add(proof?.comparedRatio, ["image": image.image, "peer": image.peer, "scope": scope])
            }
            differ.add(image.alarm == nil ? 0 : 1, ["image": image.image, "peer": image.peer])
            bytes.add(image.alarm?.differingBytes ?? 0, ["image": image.image, "peer": image.peer])
            late.add(image.isProofLate.map { $0 ? 1 : 0 }, ["image": image.image, "peer": image.peer])
        }
        return [times, ratios, differ, bytes, late]
    }
}
