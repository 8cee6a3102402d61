import FerryCore
import FoundationEssentials

/// A status as Prometheus reads it. Names do not change from release to release.
public enum PrometheusText {
    /// The format's name in HTTP.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All metrics of an agent.
    public static func text(_ status: AgentStatus) -> String {
        let families =
            agent(status) + limits(status.limits) + clients(status.clients ?? []) + images(status.images)
            + proofs(status.images) + amounts(status) + counts(status.images) + [stages(status.images)]
        return families.map(\.text).joined()
    }

    private static func agent(_ status: AgentStatus) -> [MetricFamily] {
        var build = MetricFamily("build_info", .gauge, "The agent's role, site and release; always 1.")
        build.add(1, ["role": status.role.rawValue, "site": status.site, "version": status.version])
        var start = MetricFamily("start_time_seconds", .gauge, "When the agent started, in seconds since 1970.")
        start.add(status.startedAt.timeIntervalSince1970)
        var healthy = MetricFamily("healthy", .gauge, "1 when nothing is in the way of the agent as a whole.")
        healthy.add(status.isHealthy ? 1 : 0)
        var connections = MetricFamily("connections", .gauge, "Connections that are open now.")
        connections.add(Double(status.connectionCount))
        var refused = MetricFamily(
            "refused_connections_total", .counter, "Connections that were refused or turned away.")
        refused.add(status.refusedConnectionCount)
        var certificates = MetricFamily(
            "certificate_expiry_timestamp_seconds", .gauge, "When a certificate ends, in seconds since 1970.")
        for certificate in status.certificates {
            certificates.add(certificate.expiresAt.timeIntervalSince1970, ["file": certificate.file])
        }
        return [build, start, healthy, connections, refused, certificates]
    }

    private static func images(_ images: [ImageStatus]) -> [MetricFamily] {
        var states = MetricFamily("image_state", .gauge, "1 for the state that the image is in, 0 for all others.")
        for image in images {
            for state in ImageState.allCases {
                states.add(
                    image.state == state ? 1 : 0, ["image": image.image, "peer": image.peer, "state": state.rawValue])
            }
        }
        return [
            states,
            gauge("image_lag_seconds", "Time since the state that the mirror shows.", images, \.lagSeconds),
            gauge("image_late", "1 when the lag is more than two intervals.", images) { $0.isLate ? 1 : 0 },
            gauge("image_interval_seconds", "Time between two runs by schedule.", images, \.intervalSeconds),
            gauge(
                "image_last_snapshot_timestamp_seconds",
                "When the newest snapshot on the mirror was taken, in seconds since 1970.", images
            ) { $0.lastPublished?.takenAt.timeIntervalSince1970 },
            gauge(
                "image_last_published_timestamp_seconds",
                "When the mirror got its newest snapshot, in seconds since 1970; where nothing tells, when it was taken.",
                images
            ) { ($0.lastPublished?.publishedAt ?? $0.lastPublished?.takenAt)?.timeIntervalSince1970 },
            gauge("image_next_run_timestamp_seconds", "When the next run is due, in seconds since 1970.", images) {
                $0.nextRunAt?.timeIntervalSince1970
            },
            gauge("image_base_age_seconds", "Age of the base that is held for the peer.", images, \.baseAgeSeconds),
            gauge(
                "image_failing_seconds",
                "Time since runs fail to bring the peer up to date; absent when they do not, or nothing is held for it.",
                images,
                \.failingSeconds),
            gauge("image_failures", "Runs that failed in a row.", images) { Double($0.lastError?.failureCount ?? 0) },
            gauge("image_warnings", "Warnings about the image.", images) { Double($0.warnings.count) },
            gauge("image_progress_ratio", "How much of the transfer under way is done, from 0 to 1.", images) {
                $0.progress?.fraction
            },
            gauge("compression_ratio", "Content sent or applied, over its bytes on the wire.", images) {
                $0.totals.wireBytes > 0 ? Double($0.totals.contentBytes) / Double($0.totals.wireBytes) : nil
            },
        ]
    }

    /// What went where, in bytes: a sender reads and sends, a receiver applies.
    private static func amounts(_ status: AgentStatus) -> [MetricFamily] {
        let images = status.images
        let content =
            switch status.role {
            case .sender:
                [
                    counter("read_bytes_total", "Bytes read from the source.", images, \.readBytes),
                    counter("content_bytes_total", "Content sent, before compression.", images, \.contentBytes),
                ]
            case .receiver:
                [counter("applied_bytes_total", "Content applied to the mirror.", images, \.contentBytes)]
            }
        return content + [
            counter("wire_bytes_total", "Content on the wire, after compression.", images, \.wireBytes),
            counter(
                "saved_by_resume_bytes_total", "Content that resuming did not need to send again.", images,
                \.savedByResumeBytes),
        ]
    }

    private static func counts(_ images: [ImageStatus]) -> [MetricFamily] {
        var runs = MetricFamily("runs_total", .counter, "Runs that ended, by result: succeeded or failed.")
        for image in images {
            let results = [("succeeded", image.totals.succeededRuns), ("failed", image.totals.failedRuns)]
            for (result, count) in results {
                runs.add(count, ["image": image.image, "peer": image.peer, "result": result])
            }
        }
        return [
            runs,
            counter("published_snapshots_total", "Snapshots published.", images, \.publishedSnapshots),
            counter(
                "removed_snapshots_total", "Snapshots that retention removed here.", images, \.removedSnapshots),
        ]
    }

    private static func stages(_ images: [ImageStatus]) -> MetricFamily {
        var family = MetricFamily(
            "stage_seconds_total", .counter,
            "Time in which at least one operation of a transfer's stage was under way; stages overlap.")
        for image in images {
            guard let times = image.totals.stages else { continue }
            for stage in TransferStage.allCases where times.microseconds[stage] != nil {
                family.add(
                    times.seconds(stage), ["image": image.image, "peer": image.peer, "stage": stage.rawValue])
            }
        }
        return family
    }

    private static func gauge(
        _ name: String, _ help: String, _ images: [ImageStatus], _ value: (ImageStatus) -> Double?
    ) -> MetricFamily {
        var family = MetricFamily(name, .gauge, help)
        for image in images { family.add(value(image), ["image": image.image, "peer": image.peer]) }
        return family
    }

    private static func counter(
        _ name: String, _ help: String, _ images: [ImageStatus], _ count: (TransferTotals) -> UInt64
    ) -> MetricFamily {
        var family = MetricFamily(name, .counter, help)
        for image in images { family.add(count(image.totals), ["image": image.image, "peer": image.peer]) }
        return family
    }
}
