import AgentConfiguration
import FerryCore
import Foundation
import Hooks
import Planning
import Testing

@Suite("A sender's configuration")
struct SenderConfigurationTests {
    @Test("has a default for what is not written, and paths count from the file's folder")
    func defaults() throws {
        try withFile(Sample.sender + Sample.rule) { file in
            let configuration = try SenderConfiguration(file: file, environment: [:])
            let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
            #expect(configuration.store == .directory(path: "\(folder)/images"))
            #expect(configuration.tls.authority == "\(folder)/certs/ca.pem")
            #expect(configuration.tls.key == "/c/s.key")
            #expect(configuration.peers.map(\.serverName) == ["receiver.site-b", "receiver.site-c"])
            #expect(configuration.peers.map(\.address.port) == [7440, 7440])
            #expect(configuration.mode == .hybrid)
            #expect(configuration.parallelCount == 4)
            #expect(configuration.checkpointByteCount == 64 << 20)
            #expect(configuration.compression == .adaptive)
            #expect(configuration.limit == .none && configuration.readLimit == .none)
            #expect(configuration.peers.allSatisfy { $0.limit == .none })
            #expect(configuration.holdBaseMax.seconds == 30 * 86_400)
            #expect(configuration.scanEvery.seconds == 60)
            #expect(configuration.agent.hangAfter.seconds == 300)
            #expect(configuration.agent.stopWithin.seconds == 60)
            #expect(configuration.agent.control == "/run/rbd-ferry/sender.sock")
            #expect(configuration.agent.statusListen?.description == "127.0.0.1:7441")
        }
    }

    @Test("gives a rule that says nothing the defaults, without a schedule")
    func ruleDefaults() throws {
        let configuration = try sender(Sample.sender + Sample.rule)
        let rule = try #require(configuration.rules.rules.first)
        #expect(rule.pattern.text == "vm-*" && rule.line == 9)
        #expect(rule.settings == ImageSettings(peers: ["b", "c"]))
        #expect(rule.settings?.keep == .all && rule.settings?.quiesce == .required)
    }

    @Test("gives a rule what it says")
    func fullRule() throws {
        let configuration = try sender(
            Sample.sender + """
                  - match: "vm-*"
                    at: ["Mon..Fri 02:30", "Sat 12:00"]
                    to: [c]
                    snapshots: "nightly-*"
                    quiesce: best-effort
                    keep: {last: 3, hourly: 24, daily: 7, weekly: 4, monthly: 6, also: ["nightly-*"]}
                    catch-up: retention
                    before: {command: [/usr/local/bin/freeze, x], timeout: 1m, fatal: false}
                    after: {command: thaw}
                    diff: compare
                    on-lost-base: full
                    verify: {after-sync: changed, full-every: 7d, sample: 2.5%}
                  - exclude: "vm-scratch*"
                diff: exact
                on-lost-base: reconcile
                """)
        var keep = RetentionRules()
        (keep.last, keep.hourly, keep.daily, keep.weekly, keep.monthly) = (3, 24, 7, 4, 6)
        keep.also = [ImagePattern("nightly-*")]
        let rules = configuration.rules.rules
        #expect(
            rules[0].settings
                == ImageSettings(
                    schedule: .at([try CalendarEvent("Mon..Fri 02:30"), try CalendarEvent("Sat 12:00")]), peers: ["c"],
                    snapshots: .matching(ImagePattern("nightly-*")), quiesce: .bestEffort, keep: .rules(keep),
                    catchUp: .retention,
                    before: Hook(command: ["/usr/local/bin/freeze", "x"], timeoutSeconds: 60, isFatal: false),
                    after: Hook(command: ["thaw"], timeoutSeconds: 30, isFatal: false), mode: .compare,
                    onLostBase: .full,
                    verify: ProofPolicy(
                        afterSync: .changed, fullEvery: TimeSpan(seconds: 604_800), sample: Percentage(2.5))))
        #expect(rules[1].settings == nil && rules[1].pattern.text == "vm-scratch*" && rules[1].line == 21)
        #expect(configuration.defaults.mode == .exact && configuration.defaults.onLostBase == .reconcile)
    }

    @Test("lets the last rule that matches decide, and an image that none sends has the defaults when it is named")
    func deciding() throws {
        let configuration = try sender(
            Sample.sender + """
                  - {match: "*", to: b}
                  - {match: "vm-*", every: 15m, keep: all}
                  - {exclude: "vm-scratch*"}
                """)
        #expect(configuration.settings(for: "db").peers == ["b"])
        #expect(configuration.settings(for: "vm-1").schedule == .every(seconds: 900))
        #expect(configuration.settings(for: "vm-scratch1") == configuration.defaults)
        #expect(configuration.rules.deciding("vm-scratch1")?.line == 11)
    }

    @Test("can do without rules, for images that are named on the command line")
    func noRules() throws {
        let configuration = try sender(Sample.sender.replacing("images:\n", with: ""))
        #expect(configuration.rules.rules.isEmpty)
    }

    @Test("switches its sockets off with none")
    func none() throws {
        let configuration = try sender(Sample.sender + Sample.rule + "control: none\nstatus-listen: none\n")
        #expect(configuration.agent.control == nil && configuration.agent.statusListen == nil)
    }

    @Test("reads anchors and aliases")
    func aliases() throws {
        let configuration = try sender(
            Sample.sender + """
                  - {match: "a-*", every: 1h, keep: &standard {last: 3}}
                  - {match: "b-*", every: 2h, keep: *standard}
                """)
        #expect(configuration.rules.rules[1].settings?.keep == configuration.rules.rules[0].settings?.keep)
    }

    @Test("is read with the defaults of a pool that is named with its namespace, in either way")
    func cephStore() throws {
        func store(_ text: String) throws -> StoreConfiguration {
            try sender(Sample.sender.replacing("directory: {path: images}", with: "ceph: \(text)") + Sample.rule).store
        }
        func one(_ pool: String, _ namespace: String? = nil) -> StoreConfiguration {
            .ceph(
                conf: "/etc/ceph/ceph.conf", user: "rbd-ferry", places: [CephPlace(pool: pool, namespace: namespace)],
                dataPool: nil, isQualified: false)
        }
        #expect(try store("{pool: rbd}") == one("rbd"))
        #expect(try store("{pool: rbd, namespace: n}") == one("rbd", "n"))
        #expect(try store("{pool: rbd, namespace: \"\", data-pool: }") == one("rbd"))
        #expect(try store("{pool: rbd/n}") == one("rbd", "n"))
        #expect(
            try store("{conf: /c, user: u, pools: [rbd, vms/t], data-pool: ec}")
                == .ceph(
                    conf: "/c", user: "u", places: [CephPlace(pool: "rbd"), CephPlace(pool: "vms", namespace: "t")],
                    dataPool: "ec", isQualified: true))
        #expect(try store("{pools: rbd}").isQualified)
    }

    @Test("takes files from systemd's credentials")
    func credentials() throws {
        let text = Sample.sender.replacing("/c/s.key", with: "\"credential:sender.key\"") + Sample.rule
        let configuration = try sender(text, environment: ["CREDENTIALS_DIRECTORY": "/run/credentials/x.service"])
        #expect(configuration.tls.key == "/run/credentials/x.service/sender.key")
        #expect(try senderFaults(text) == ["4: key names a credential, and CREDENTIALS_DIRECTORY is not set"])
        for name in ["", "..", "a/b"] {
            let text = Sample.sender.replacing("/c/s.key", with: "\"credential:\(name)\"")
            #expect(try senderFaults(text + Sample.rule) == ["4: key: a credential has a plain name"])
        }
    }
}

@Suite("A receiver's configuration")
struct ReceiverConfigurationTests {
    @Test("has a default for what is not written")
    func defaults() throws {
        let configuration = try receiver(Sample.receiver)
        #expect(configuration.listen.description == "127.0.0.1:7440")
        #expect(
            configuration.store
                == .ceph(
                    conf: "/etc/ceph/ceph.conf", user: "rbd-ferry",
                    places: [CephPlace(pool: "rbd"), CephPlace(pool: "vms", namespace: "tenant-a")], dataPool: nil,
                    isQualified: true))
        let client = configuration.clients[0]
        #expect(client.identity == "sender.site-a" && client.images.map(\.text) == ["vm-*", "db"])
        #expect(client.prefix == "" && client.place == nil && client.keep == .all)
        #expect(client.connectionCountMax == nil && client.imageCountMax == nil && client.byteCountMax == nil)
        #expect(configuration.blockWithin.seconds == 3600 && configuration.tls.revoked == nil)
        #expect(configuration.connectionCountMax == 64 && configuration.checkpointSeconds == 5)
        #expect(configuration.agent.hangAfter.seconds == 300 && configuration.agent.stopWithin.seconds == 60)
        #expect(configuration.agent.control == "/run/rbd-ferry/receiver.sock")
        #expect(configuration.agent.statusListen?.description == "127.0.0.1:7442")
    }

    @Test("says where a client's mirrors go and how long they stay")
    func client() throws {
        let configuration = try receiver(
            Sample.receiver + """
                  - identity: sender.site-c
                    images: "tenants/*/*"
                    prefix: c-
                    pool: vms/tenant-a
                    keep: {daily: 30}
                    connections-max: 4
                    images-max: 10
                    bytes-max: 5TiB
                """)
        var keep = RetentionRules()
        keep.daily = 30
        let client = configuration.clients[1]
        #expect(client.images.map(\.text) == ["tenants/*/*"])
        #expect(client.connectionCountMax == 4 && client.imageCountMax == 10)
        #expect(client.byteCountMax?.byteCount == 5 << 40)
        #expect(client.prefix == "c-" && client.place == "vms/tenant-a" && client.keep == .rules(keep))
    }
}

@Suite("README")
struct ReadmeTests {
    /// The YAML blocks of README, in order.
    private func samples() throws -> [String] {
        let readme = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("README.md")
        let text = try String(contentsOf: readme, encoding: .utf8)
        return text.components(separatedBy: "```yaml\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
    }

    @Test("has sample configurations that are accepted")
    func accepted() throws {
        let samples = try samples()
        try #require(samples.count >= 2)
        #expect(try receiver(samples[0]).clients[0].identity == "sender.site-a")
        #expect(try sender(samples[1]).rules.rules.map(\.pattern.text) == ["vm-1"])
    }
}
