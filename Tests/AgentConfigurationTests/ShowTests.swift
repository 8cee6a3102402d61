import AgentConfiguration
import Foundation
import Planning
import Testing

@Suite("What a configuration puts in force")
struct ShowTests {
    private let senderText = """
        site: a
        store:
          ceph: {pools: [rbd, vms/tenant-a], data-pool: ec}
        tls: {authority: /c/ca.pem, certificate: /c/s.pem, key: "credential:sender.key"}
        peers:
          - {name: b, address: "mirror.example:7440", server-name: receiver.site-b, limit: 200Mbit/s}
        limit:
          - {rate: 20 MiB, from: 8:00, to: 18:00, days: mon..fri}
          - {rate: none, from: "22:00", to: "06:00"}
          - {rate: 204800KiB}
        images:
          - match: "vm-*"
            every: 90m
            keep: {last: 3, daily: 7, also: ["nightly-*"]}
            before: {command: [/usr/local/bin/freeze, "two words", "\\"quoted\\""], timeout: 90s}
            verify: {after-sync: changed, full-every: 1w}
          - {match: "rbd/db ü[0-9]", at: ["Mon..Fri 02:30"], keep: all, snapshots: "n?", after: {command: thaw}}
          - exclude: "vm-scratch*"
        control: none
        """

    @Test("is shown for a sender, with every default")
    func showsSender() throws {
        #expect(
            try shown(senderText) == """
                site: a
                store:
                  ceph:
                    conf: /etc/ceph/ceph.conf
                    user: rbd-ferry
                    pools: [rbd, vms/tenant-a]
                    data-pool: ec
                tls:
                  authority: /c/ca.pem
                  certificate: /c/s.pem
                  key: /credentials/sender.key
                peers:
                  - name: b
                    address: "mirror.example:7440"
                    server-name: receiver.site-b
                    limit: 200Mbit
                images:
                  - match: "vm-*"
                    every: 1h30m
                    to: [b]
                    snapshots: own
                    quiesce: required
                    keep: {last: 3, daily: 7, also: ["nightly-*"]}
                    catch-up: newest
                    before: {command: [/usr/local/bin/freeze, "two words", "\\"quoted\\""], timeout: 1m30s, fatal: true}
                    diff: hybrid
                    on-lost-base: refuse
                    verify: {after-sync: changed, full-every: 7d, sample: "1%"}
                  - match: "rbd/db ü[0-9]"
                    at: ["Mon..Fri 02:30"]
                    to: [b]
                    snapshots: "n?"
                    quiesce: required
                    keep: all
                    catch-up: newest
                    after: {command: [thaw], timeout: 30s, fatal: false}
                    diff: hybrid
                    on-lost-base: refuse
                    verify: none
                  - exclude: "vm-scratch*"
                diff: hybrid
                on-lost-base: refuse
                parallel: 4
                checkpoint-mib: 64
                compression: auto
                limit: [{rate: 20MiB, from: "08:00", to: "18:00", days: Mon..Fri}, {rate: none, from: "22:00", to: "06:00"}, {rate: 200MiB}]
                read-limit: none
                hold-base-max: 30d
                scan-every: 1m
                hang-after: 5m
                stop-within: 1m
                control: none
                status-listen: "127.0.0.1:7441"

                """)
    }

    @Test("is shown for a receiver, with every default")
    func showsReceiver() throws {
        let text = Sample.receiver.replacing("certs/ca.pem", with: "/c/ca.pem")
            .replacing(
                "db]",
                with:
                    "db], prefix: a-, pool: vms/tenant-a, keep: {daily: 30}, connections-max: 8, images-max: 100, bytes-max: 20480 GiB"
            )
            .replacing("/c/r.key}", with: "/c/r.key, revoked: /c/revoked.pem}")
        #expect(
            try shown(text) == """
                site: b
                listen: "127.0.0.1:7440"
                store:
                  ceph:
                    conf: /etc/ceph/ceph.conf
                    user: rbd-ferry
                    pools: [rbd, vms/tenant-a]
                tls:
                  authority: /c/ca.pem
                  certificate: /c/r.pem
                  key: /c/r.key
                  revoked: /c/revoked.pem
                clients:
                  - identity: sender.site-a
                    images: ["vm-*", db]
                    prefix: a-
                    pool: vms/tenant-a
                    keep: {daily: 30}
                    connections-max: 8
                    images-max: 100
                    bytes-max: 20TiB
                connections-max: 64
                checkpoint-seconds: 5
                block-within: 1h
                hang-after: 5m
                stop-within: 1m
                control: /run/rbd-ferry/receiver.sock
                status-listen: "127.0.0.1:7442"

                """)
    }

    @Test("is the same when what is shown is read")
    func roundTrip() throws {
        let texts = [
            senderText, Sample.sender + Sample.rule, Sample.receiver,
            Sample.sender + "  - {match: vm, diff: compare, on-lost-base: full}\non-lost-base: reconcile\n",
            Sample.receiver.replacing("db]", with: "db], seeded: [\"vm-1*\", db]"),
            Sample.sender.replacing("directory: {path: images}", with: "ceph: {pool: rbd, namespace: \"null\"}"),
            Sample.sender.replacing("site: a", with: "site: \"\\u2028- \\e[0m~: #\\\\\""),
            Sample.receiver.replacing("db]", with: "\"null\", \"~\", \"- x\", \"\\t\"]").replacing("b]", with: "b]"),
        ]
        for text in texts.map({ $0.hasSuffix("images:\n") ? $0 + Sample.rule : $0 }) {
            switch (try read(text), try read(try shown(text))) {
            case (.sender(let first), .sender(let second)): expectEqual(first, second)
            case (.receiver(let first), .receiver(let second)): expectEqual(first, second)
            default: Issue.record("another agent's configuration")
            }
        }
    }

    private func read(_ text: String) throws -> AgentConfigurationFile {
        try withFile(text) {
            try AgentConfigurationFile(file: $0, environment: ["CREDENTIALS_DIRECTORY": "/credentials/"])
        }
    }

    private func shown(_ text: String) throws -> String { try read(text).yaml }

    private func expectEqual(_ first: SenderConfiguration, _ second: SenderConfiguration) {
        #expect(first.site == second.site && first.store == second.store && first.tls == second.tls)
        #expect(first.peers == second.peers && first.mode == second.mode && first.onLostBase == second.onLostBase)
        #expect(first.rules.rules.map(\.pattern) == second.rules.rules.map(\.pattern))
        #expect(first.rules.rules.map(\.settings) == second.rules.rules.map(\.settings))
        #expect(first.parallelCount == second.parallelCount && first.checkpointByteCount == second.checkpointByteCount)
        #expect(first.compression == second.compression)
        #expect(first.holdBaseMax == second.holdBaseMax && first.scanEvery == second.scanEvery)
        #expect(first.limit == second.limit && first.readLimit == second.readLimit)
        #expect(first.agent == second.agent)
    }

    private func expectEqual(_ first: ReceiverConfiguration, _ second: ReceiverConfiguration) {
        #expect(first.site == second.site && first.store == second.store && first.tls == second.tls)
        #expect(first.listen == second.listen && first.clients == second.clients)
        #expect(first.connectionCountMax == second.connectionCountMax)
        #expect(first.checkpointSeconds == second.checkpointSeconds && first.blockWithin == second.blockWithin)
        #expect(first.agent == second.agent)
    }
}
