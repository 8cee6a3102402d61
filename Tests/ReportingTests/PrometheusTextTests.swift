import Foundation
import Reporting
import TestSupport
import Testing

@Suite("metrics for Prometheus")
struct PrometheusTextTests {
    private static let lines = PrometheusText.text(StatusExample.sender).split(separator: "\n").map(String.init)

    @Test(
        "a sender's values, with their labels",
        arguments: [
            #"rbd_ferry_build_info{role="sender",site="a",version="0.4.0"} 1"#,
            "rbd_ferry_start_time_seconds 1795168616", "rbd_ferry_healthy 1", "rbd_ferry_connections 1",
            "rbd_ferry_refused_connections_total 2", #"rbd_ferry_peer_limit_bytes_per_second{peer="b"} 1048576"#,
            #"rbd_ferry_peer_send_bytes_per_second{peer="b"} 0"#, "rbd_ferry_total_limit_bytes_per_second 20971520",
            "rbd_ferry_total_send_bytes_per_second 20447232", "rbd_ferry_read_bytes_per_second 52428800",
            #"rbd_ferry_certificate_expiry_timestamp_seconds{file="certs/sender.pem"} 1796040000"#,
            #"rbd_ferry_image_state{image="vm-1",peer="b",state="in sync"} 1"#,
            #"rbd_ferry_image_state{image="vm-1",peer="b",state="stopped"} 0"#,
            #"rbd_ferry_image_lag_seconds{image="vm-1",peer="b"} 252"#,
            #"rbd_ferry_image_late{image="vm-1",peer="b"} 0"#, #"rbd_ferry_image_late{image="vm-2",peer="b"} 1"#,
            #"rbd_ferry_image_interval_seconds{image="vm-1",peer="b"} 900"#,
            #"rbd_ferry_image_last_snapshot_timestamp_seconds{image="vm-1",peer="b"} 1795262148"#,
            #"rbd_ferry_image_last_published_timestamp_seconds{image="vm-1",peer="b"} 1795262160"#,
            #"rbd_ferry_image_next_run_timestamp_seconds{image="vm-1",peer="b"} 1795263048"#,
            #"rbd_ferry_image_base_age_seconds{image="vm-1",peer="b"} 252"#,
            #"rbd_ferry_image_failing_seconds{image="vm-3",peer="b"} 2400"#,
            #"rbd_ferry_image_failures{image="vm-1",peer="b"} 0"#,
            #"rbd_ferry_image_failures{image="vm-3",peer="b"} 3"#,
            #"rbd_ferry_image_warnings{image="vm-2",peer="b"} 1"#,
            #"rbd_ferry_image_progress_ratio{image="vm-2",peer="b"} 0.42"#,
            #"rbd_ferry_compression_ratio{image="vm-1",peer="b"} 3"#,
            #"rbd_ferry_read_bytes_total{image="vm-1",peer="b"} 3221225472"#,
            #"rbd_ferry_content_bytes_total{image="vm-1",peer="b"} 3221225472"#,
            #"rbd_ferry_wire_bytes_total{image="vm-1",peer="b"} 1073741824"#,
            #"rbd_ferry_saved_by_resume_bytes_total{image="vm-2",peer="b"} 4096"#,
            #"rbd_ferry_runs_total{image="vm-1",peer="b",result="succeeded"} 7"#,
            #"rbd_ferry_runs_total{image="vm-3",peer="b",result="failed"} 3"#,
            #"rbd_ferry_published_snapshots_total{image="vm-1",peer="b"} 7"#,
            #"rbd_ferry_removed_snapshots_total{image="vm-1",peer="b"} 3"#,
            #"rbd_ferry_proof_timestamp_seconds{image="vm-1",peer="b",scope="full"} 1795086400"#,
            #"rbd_ferry_proof_timestamp_seconds{image="vm-1",peer="b",scope="any"} 1795262170"#,
            #"rbd_ferry_proof_compared_ratio{image="vm-1",peer="b",scope="full"} 1"#,
            #"rbd_ferry_proof_compared_ratio{image="vm-1",peer="b",scope="any"} 0.25"#,
            #"rbd_ferry_mirror_differs{image="vm-1",peer="b"} 0"#,
            #"rbd_ferry_proof_differing_bytes{image="vm-1",peer="b"} 0"#,
            #"rbd_ferry_proof_late{image="vm-1",peer="b"} 0"#,
            #"rbd_ferry_stage_seconds_total{image="vm-1",peer="b",stage="read"} 1.5"#,
        ])
    func sender(_ line: String) {
        #expect(Self.lines.contains(line))
    }

    @Test("a mirror that differs, and by how much")
    func alarm() {
        var status = StatusExample.empty(.receiver)
        status.images = [StatusExample.alarmed]
        let text = PrometheusText.text(status)
        #expect(text.contains("rbd_ferry_mirror_differs{image=\"vm-1\",peer=\"b\"} 1\n"))
        #expect(text.contains("rbd_ferry_proof_differing_bytes{image=\"vm-1\",peer=\"b\"} 131072\n"))
        #expect(text.contains("rbd_ferry_proof_late{image=\"vm-1\",peer=\"b\"} 1\n"))
    }

    @Test(
        "what clients take, and what of their quotas",
        arguments: [
            #"rbd_ferry_client_connections{client="sender.site-a"} 2"#,
            #"rbd_ferry_client_connections_max{client="sender.site-a"} 2"#,
            #"rbd_ferry_client_images{client="sender.site-a"} 17"#,
            #"rbd_ferry_client_images_max{client="sender.site-a"} 20"#,
            #"rbd_ferry_client_bytes{client="sender.site-a"} 20890720927744"#,
            #"rbd_ferry_client_bytes_max{client="sender.site-a"} 21990232555520"#,
            #"rbd_ferry_client_quota_ratio{client="sender.site-a",quota="connections"} 1"#,
            #"rbd_ferry_client_quota_ratio{client="sender.site-a",quota="images"} 0.85"#,
            #"rbd_ferry_client_quota_ratio{client="sender.site-a",quota="bytes"} 0.95"#,
            #"rbd_ferry_client_images{client="sender.site-d"} 3"#,
        ])
    func clients(_ line: String) {
        #expect(PrometheusText.text(StatusExample.receiver).split(separator: "\n").contains { $0 == line })
    }

    @Test("a bound that a client does not have is left out")
    func unbounded() {
        let lines = PrometheusText.text(StatusExample.receiver).split(separator: "\n")
        let bounds = lines.filter { $0.contains("_max{") || $0.contains("quota_ratio{") }
        #expect(!bounds.contains { $0.contains("sender.site-d") })
        #expect(bounds.count { $0.contains("sender.site-c") } == 2)
    }

    @Test("what is not known is left out")
    func unknown() {
        let names = [
            "lag_seconds", "interval_seconds", "next_run_timestamp_seconds", "base_age_seconds", "failing_seconds",
        ]
        for name in names {
            #expect(!Self.lines.contains { $0.hasPrefix("rbd_ferry_image_\(name){image=\"vm-4\"") })
        }
        #expect(!Self.lines.contains { $0.contains("rbd_ferry_read_limit_bytes_per_second") })
        #expect(!PrometheusText.text(StatusExample.empty(.receiver)).contains("limit"))
    }

    @Test("a receiver applies, a sender reads and sends")
    func roles() {
        var status = StatusExample.sender
        status.role = .receiver
        let text = PrometheusText.text(status)
        #expect(text.contains(#"rbd_ferry_applied_bytes_total{image="vm-1",peer="b"} 3221225472"#))
        #expect(!text.contains("rbd_ferry_read_bytes_total") && !text.contains("rbd_ferry_content_bytes_total"))
        #expect(!Self.lines.contains { $0.contains("rbd_ferry_applied_bytes_total") })
    }

    @Test("each metric has its help and its type, once")
    func headers() {
        let names = Set(
            Self.lines.filter { !$0.hasPrefix("#") }.map { String($0.prefix { $0 != "{" && $0 != " " }) })
        for name in names {
            #expect(Self.lines.count { $0.hasPrefix("# HELP \(name) ") } == 1)
            let kind = name.hasSuffix("_total") ? "counter" : "gauge"
            #expect(Self.lines.count { $0 == "# TYPE \(name) \(kind)" } == 1)
        }
    }

    @Test("where nothing tells when a snapshot was published, it is when it was taken")
    func publishedBeforeStart() {
        var status = StatusExample.empty(.sender)
        status.images = [StatusExample.inSync]
        status.images[0].lastPublished?.publishedAt = nil
        let name = "rbd_ferry_image_last_published_timestamp_seconds"
        #expect(PrometheusText.text(status).contains("\(name){image=\"vm-1\",peer=\"b\"} 1795262148\n"))
    }

    @Test("labels are escaped, and nothing comes twice")
    func labels() {
        var status = StatusExample.empty(.receiver)
        let name = "a\\b\"c\nd"
        status.images = [ImageStatus(image: name, peer: "é"), ImageStatus(image: name, peer: "é")]
        let ca = CertificateStatus(file: "ca.pem", expiresAt: StatusExample.now)
        status.certificates = [ca, ca]
        let lines = PrometheusText.text(status).split(separator: "\n")
        #expect(lines.count { $0 == #"rbd_ferry_image_late{image="a\\b\"c\nd",peer="é"} 0"# } == 1)
        #expect(Set(lines).count == lines.count)
    }

    @Test("promtool finds no fault", .enabled(if: FileManager.default.isExecutableFile(atPath: promtool)))
    func promtoolIsSilent() async throws {
        var hostile = StatusExample.sender
        hostile.images.append(ImageStatus(image: "a\\b\"c\nd\u{1B}", peer: "é\r"))
        var receiver = StatusExample.sender
        receiver.role = .receiver
        for status in [StatusExample.sender, receiver, StatusExample.receiver, StatusExample.empty(.receiver), hostile]
        {
            let (code, output) = try await Self.check(PrometheusText.text(status))
            #expect(code == 0)
            #expect(output.isEmpty)
        }
    }

    private static let promtool = "/usr/bin/promtool"

    private static func check(_ text: String) async throws -> (Int32, String) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("metrics-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (input, output) = (folder.appendingPathComponent("metrics"), folder.appendingPathComponent("output"))
        try Data(text.utf8).write(to: input)
        let (ends, end) = AsyncStream.makeStream(of: Int32.self)
        let errors = folder.appendingPathComponent("errors").path
        _ = try ChildProcess(
            "bash", ["-c", "exec \(promtool) check metrics < '\(input.path)' 2>&1"], outputFile: output.path,
            errorFile: errors
        ) {
            end.yield($0)
            end.finish()
        }
        var code: Int32 = -1
        for await status in ends { code = status }
        return (code, try String(contentsOf: output, encoding: .utf8))
    }
}
