import AgentConfiguration
import FerryCore
import Foundation
import Testing

/// Lines that are added to a file without faults, and what is found then.
struct FaultCase: CustomTestStringConvertible, Sendable {
    let lines: String
    let faults: [String]
    var testDescription: String { lines }

    init(_ lines: String, _ faults: String...) {
        self.lines = lines
        self.faults = faults
    }
}

/// A part of a file without faults, what stands there instead, and what is found then.
struct ReplacedCase: CustomTestStringConvertible, Sendable {
    let part: String
    let replacement: String
    let faults: [String]
    var testDescription: String { replacement }

    init(_ part: String, _ replacement: String, _ faults: String...) {
        self.part = part
        self.replacement = replacement
        self.faults = faults
    }
}

@Suite("A fault in a configuration")
struct FaultTests {
    private func expect(_ found: [String], _ expected: [String]) {
        #expect(found.count == expected.count && zip(found, expected).allSatisfy { $0.hasPrefix($1) }, "\(found)")
    }

    @Test(
        "in a sender's own keys is found with its line",
        arguments: [
            FaultCase("parallel: 1"), FaultCase("parallel: 64"), FaultCase("parallel: 0", "10: parallel must be a"),
            FaultCase("parallel: 65", "10: parallel must be a whole number from 1 to 64"),
            FaultCase("parallel: 99999999999999999999999", "10: parallel must be"),
            FaultCase("parallel: 1:30", "10: parallel must be"), FaultCase("parallel: 0x10", "10: parallel must be"),
            FaultCase("parallel: [1]", "10: parallel must be a text"),
            FaultCase("parallel:", "10: parallel must be a text"),
            FaultCase("compression: none"), FaultCase("compression: auto"), FaultCase("compression: 15"),
            FaultCase("compression: 16", "10: compression must be auto, none, or a zstd level from 1 to 15"),
            FaultCase("compression: fast", "10: compression must be auto"),
            FaultCase("checkpoint-mib: 4096"), FaultCase("checkpoint-mib: 3", "10: checkpoint-mib must be"),
            FaultCase("checkpoint-mib: many", "10: checkpoint-mib must be a whole number from 4 to 4096"),
            FaultCase("diff: exact"), FaultCase("diff: exakt", "10: diff must be one of hybrid, exact, compare"),
            FaultCase("diff: compare\non-lost-base: reconcile"), FaultCase("diff: full", "10: diff must be one of"),
            FaultCase("on-lost-base: compare", "10: on-lost-base must be one of refuse, reconcile, full"),
            FaultCase("hold-base-max: 7d"), FaultCase("hold-base-max: 1s", "10: hold-base-max must be from 1m to"),
            FaultCase("hold-base-max: month", "10: hold-base-max: "),
            FaultCase("limit: 20MiB\nread-limit: 200Mbit/s"), FaultCase("limit: none"),
            FaultCase("limit: fast", "10: limit: \"fast\" is no rate"),
            FaultCase("limit: 1KiB", "10: limit: \"1KiB\" is too slow for a limit"),
            FaultCase("read-limit: 20", "10: read-limit: 20 in \"20\" has no unit"),
            FaultCase("limit:", "10: limit must be a text"), FaultCase("limit: []", "10: limit is an empty list"),
            FaultCase("limit: {rate: 20MiB}", "10: limit must be a list"),
            FaultCase("limit: [20MiB]", "10: limit must hold keys and values"),
            FaultCase("limit:\n  - {rate: 1MiB, from: 08:00, to: \"18:00\", days: [mon, wed..fri]}\n  - {rate: none}"),
            FaultCase("limit:\n  - {rate: 1MiB}\n  - {rate: 2MiB, days: sun}", "12: this window never has its turn"),
            FaultCase("limit:\n  - {from: 08:00}", "11: limit has no key rate"),
            FaultCase("limit:\n  - {rate: 1MiB, from: 8 am}", "11: limit: 8 am is no time of day"),
            FaultCase("limit:\n  - rate: 1MiB\n    days: Mo", "11: limit: Mo is no weekday"),
            FaultCase("limit:\n  - rate: 1MiB\n    untl: 08:00", "12: unknown key untl in limit"),
            FaultCase("scan-every: 1s"), FaultCase("scan-every: 2d", "10: scan-every must be from 1s to 1d"),
            FaultCase("hang-after: 10s"), FaultCase("hang-after: 9s", "10: hang-after must be from 10s to 1d"),
            FaultCase("stop-within: 1s"), FaultCase("stop-within: 0s", "10: stop-within"),
            FaultCase("stop-within: 99999999999999999999s", "10: stop-within"),
            FaultCase("control: run.sock"), FaultCase("control: none"), FaultCase("control:", "10: control must be"),
            FaultCase("control: /\(String(repeating: "x", count: 106))"),
            FaultCase("control: /\(String(repeating: "x", count: 107))", "10: control has 108 bytes"),
            FaultCase("status-listen: none"), FaultCase("status-listen: \"[::1]:80\""),
            FaultCase("status-listen: localhost", "10: status-listen: 'localhost' is no address"),
            FaultCase("parallell: 3", "10: unknown key parallell in the file"),
            FaultCase("listen: \"0.0.0.0:1\"", "10: unknown key listen in the file"),
            FaultCase("? [a, b]\n: c", "10: a key in the file is no text"),
            FaultCase("\"\\e[2J\": c", "10: unknown key ?[2J in the file"),
            FaultCase("parallel: 0\ndiff: x\nhello: 1", "10: parallel", "11: diff", "12: unknown key hello"),
        ])
    func senderKeys(row: FaultCase) throws {
        expect(try senderFaults(Sample.sender + Sample.rule + row.lines), row.faults)
    }

    @Test(
        "in a rule is found with its line",
        arguments: [
            FaultCase("  - match: vm\n    every: 1s\n    keep: all"),
            FaultCase("  - match: vm\n    every: 15m\n    keep: {last: 1}"),
            FaultCase("  - match: vm\n    every: 15m", "9: a rule with a schedule says what is kept"),
            FaultCase("  - match: vm\n    at: daily", "9: a rule with a schedule says what is kept"),
            FaultCase("  - match: vm\n    every: 0s\n    keep: all", "10: every"),
            FaultCase("  - match: vm\n    every: 5x\n    keep: all", "10: every: "),
            FaultCase("  - match: vm\n    every: -5m\n    keep: all", "10: every: "),
            FaultCase("  - match: vm\n    keep: all\n    at: no such time", "11: at: "),
            FaultCase("  - match: vm\n    keep: all\n    at: []", "11: at is an empty list"),
            FaultCase("  - match: vm\n    keep: all\n    at: [daily, {}]", "11: at must be a list of texts"),
            FaultCase("  - match: vm\n    keep: all\n    every: 1h\n    at: daily", "12: every and at can't be beside"),
            FaultCase("  - match: vm\n    to: b"), FaultCase("  - match: vm\n    to: [b, c]"),
            FaultCase("  - match: vm\n    to: [b, x, y]", "10: no peer is named x", "10: no peer is named y"),
            FaultCase("  - match: vm\n    to: []", "10: to is an empty list"),
            FaultCase("  - match: vm\n    to: [b, b]", "10: to names a peer twice"),
            FaultCase("  - match: vm\n    snapshots: all"),
            FaultCase("  - match: vm\n    snapshots: [a]", "10: snapshots"),
            FaultCase("  - match: vm\n    quiesce: skip"),
            FaultCase("  - match: vm\n    quiesce: no", "10: quiesce must"),
            FaultCase("  - match: vm\n    keep: none", "10: keep must be all, or rules"),
            FaultCase("  - match: vm\n    keep: {}", "10: keep keeps nothing"),
            FaultCase("  - match: vm\n    keep: {last: 0, also: [x]}", "10: keep keeps nothing"),
            FaultCase("  - match: vm\n    keep: {last: -1}", "10: last must be a whole number"),
            FaultCase("  - match: vm\n    keep: {lats: 1, last: 1}", "10: unknown key lats in keep"),
            FaultCase("  - match: vm\n    keep:\n      last: 1\n      daily: x", "12: daily must be"),
            FaultCase("  - match: vm\n    keep: [1]", "10: keep must hold keys and values"),
            FaultCase("  - match: vm\n    keep:", "10: keep must be a text"),
            FaultCase("  - match: vm\n    verify: none"),
            FaultCase("  - match: vm\n    verify: {full-every: 7d}"),
            FaultCase("  - match: vm\n    verify: {after-sync: changed, full-every: 1w, sample: 0.5%}"),
            FaultCase("  - match: vm\n    verify: {after-sync: full}"),
            FaultCase("  - match: vm\n    verify: changed", "10: verify must be none, or say when"),
            FaultCase("  - match: vm\n    verify: {}", "10: verify proves nothing"),
            FaultCase("  - match: vm\n    verify: {after-sync: none}", "10: verify proves nothing"),
            FaultCase("  - match: vm\n    verify: {after-sinc: full}", "10: unknown key after-sinc in verify"),
            FaultCase("  - match: vm\n    verify: {after-sync: chanhed}", "10: after-sync must be one of"),
            FaultCase("  - match: vm\n    verify: {full-every: 7}", "10: full-every: 7 in"),
            FaultCase("  - match: vm\n    verify: {full-every: 4000d}", "10: full-every: "),
            FaultCase(
                "  - match: vm\n    verify:\n      after-sync: changed\n      sample: 101%",
                "12: sample: \"101%\" is no share"),
            FaultCase("  - match: vm\n    verify: {full-every: 7d, sample: 1%}", "10: sample has no meaning without"),
            FaultCase("  - match: vm\n    catch-up: retention"),
            FaultCase("  - match: vm\n    catch-up: oldest", "10: catch-up must be one of newest, retention"),
            FaultCase("  - match: vm\n    before: {command: x}"),
            FaultCase("  - match: vm\n    before: {timeout: 3s}", "10: before has no key command"),
            FaultCase("  - match: vm\n    before: {command: []}", "10: command begins with no program"),
            FaultCase("  - match: vm\n    before: {command: bin/x}", "10: command begins with no program"),
            FaultCase("  - match: vm\n    after: {command: x, timeout: 0s}", "10: timeout"),
            FaultCase("  - match: vm\n    after: {command: x, fatal: 3}", "10: fatal must be true or false"),
            FaultCase("  - match: vm\n    after: {command: x, shell: y}", "10: unknown key shell in after"),
            FaultCase("  - match: vm\n    after: thaw", "10: after must hold keys and values"),
            FaultCase("  - match: vm\n    diff: fast", "10: diff must be one of"),
            FaultCase("  - match: vm\n    diff: compare\n    on-lost-base: full"),
            FaultCase("  - match: vm\n    diff: full", "10: diff must be one of hybrid, exact, compare"),
            FaultCase("  - match: vm\n    on-lost-base: yes", "10: on-lost-base must be one of"),
            FaultCase("  - match: rbd/vm", "9: rbd/vm has a slash"),
            FaultCase("  - exclude: rbd/vm", "9: rbd/vm has a slash"),
            FaultCase("  - exclude: vm"), FaultCase("  - every: 5m\n    keep: all", "9: images has no key match"),
            FaultCase("  - match: \"\"", "9: match must be a text"), FaultCase("  - exclude:", "9: exclude must be"),
            FaultCase(
                "  - exclude: vm\n    every: 5m\n    match: x", "10: every has no meaning beside exclude",
                "11: match has"),
            FaultCase("  - vm", "9: images must hold keys and values"),
            FaultCase("  - match: a\n    x: 1\n  - match: b\n    y: 1", "10: unknown key x", "12: unknown key y"),
            FaultCase("  - match: a\n    match: b", "9: written more than once in the same place: match"),
        ])
    func rules(row: FaultCase) throws {
        expect(try senderFaults(Sample.sender + row.lines), row.faults)
    }

    @Test(
        "in what every sender has is found with its line",
        arguments: [
            ReplacedCase("site: a", "site:", "1: site must be a text"),
            ReplacedCase("site: a", "sight: a", "1: the file has no key site", "1: unknown key sight"),
            ReplacedCase("site: a", "site: \"a\\0b\"", "1: site has a zero byte"),
            ReplacedCase("  directory: {path: images}", "  {}", "3: store must be either ceph or directory"),
            ReplacedCase("directory: {path: images}", "directory: {}", "3: directory has no key path"),
            ReplacedCase("directory: {path: images}", "ceph: {}", "3: ceph has no key pool"),
            ReplacedCase("directory: {path: images}", "ceph: {pool: a/b/c}", "3: a/b/c is no pool"),
            ReplacedCase("directory: {path: images}", "ceph: {pool: a/b, namespace: c}", "3: a/b is no pool"),
            ReplacedCase("directory: {path: images}", "ceph: {pools: []}", "3: pools is an empty list"),
            ReplacedCase("directory: {path: images}", "ceph: {pools: [a, a]}", "3: pools names a place twice"),
            ReplacedCase("directory: {path: images}", "ceph: {pools: [a/]}", "3: a/ is no pool"),
            ReplacedCase("directory: {path: images}", "ceph: {pools: [a], pool: b}", "3: pool can't be beside pools"),
            ReplacedCase("directory: {path: images}", "ceph: {pools: [a], namespace: b}", "3: namespace can't be"),
            ReplacedCase("directory: {path: images}", "ceph: {pool: a, usr: b}", "3: unknown key usr in ceph"),
            ReplacedCase(
                "  directory: {path: images}", "  directory: {path: images}\n  ceph: {pool: a}",
                "3: store must be either"),
            ReplacedCase("key: /c/s.key", "", "4: tls has no key key"),
            ReplacedCase("name: b,", "name: \"b/c\",", "6: b/c can't be a peer's name"),
            ReplacedCase("name: b,", "name: c,", "7: two peers have the same name"),
            ReplacedCase("name: b,", "", "6: peers has no key name"),
            ReplacedCase("server-name: receiver.site-b", "servername: x", "6: peers has no key", "6: unknown key"),
            ReplacedCase("server-name: receiver.site-b", "server-name: receiver.site-b, limit: 5MiB"),
            ReplacedCase(
                "server-name: receiver.site-b", "server-name: receiver.site-b, limit: 5MB", "6: limit: \"5MB\" has the"),
            ReplacedCase("mirror.example:7440", "mirror", "6: address: 'mirror' is no address"),
            ReplacedCase("mirror.example:7440", "mirror:99999", "6: address: "),
        ])
    func everySender(row: ReplacedCase) throws {
        let text = Sample.sender + Sample.rule
        try #require(text.contains(row.part))
        expect(try senderFaults(text.replacing(row.part, with: row.replacement)), row.faults)
    }

    @Test(
        "in a receiver's file is found with its line",
        arguments: [
            FaultCase("listen: \"0.0.0.0:7440\"\nconnections-max: 1\ncheckpoint-seconds: 3600"),
            FaultCase("listen: here", "8: listen: 'here' is no address"),
            FaultCase("connections-max: 0", "8: connections-max must be a whole number from 1 to 10000"),
            FaultCase("checkpoint-seconds: 3601", "8: checkpoint-seconds must be"),
            FaultCase("hang-after: 1s\nstop-within: x\ncontrol: [x]", "8: hang-after", "9: stop-within", "10: control"),
            FaultCase("  - {identity: x}", "8: clients has no key images"),
            FaultCase("  - {images: x}", "8: clients has no key identity"),
            FaultCase("  - {identity: sender.site-a, images: x}", "8: two clients have the same identity"),
            FaultCase("  - {identity: x, images: y, pool: rbd}"),
            FaultCase("  - {identity: x, images: y, pool: vms}", "8: vms is none of the store's pools"),
            FaultCase("  - {identity: x, images: a/b, keep: {last: 1}}"),
            FaultCase("  - {identity: x, images: y, keep: 3}", "8: keep must be all, or rules"),
            FaultCase("  - {identity: x, images: [y, db], seeded: [\"vm-*\", db]}"),
            FaultCase("  - {identity: x, images: y, seeded: db}", "8: seeded names db"),
            FaultCase("  - {identity: x, images: y, seeded: {}}", "8: seeded must be"),
            FaultCase("  - {identity: x, images: y, prefx: z}", "8: unknown key prefx in clients"),
            FaultCase("  - {identity: x, images: y, connections-max: 0}", "8: connections-max must be a whole number"),
            FaultCase("  - {identity: x, images: y, images-max: -1}", "8: images-max must be a whole number"),
            FaultCase("  - {identity: x, images: y, bytes-max: 5T}", "8: bytes-max: \"5T\" has the unknown unit T"),
            FaultCase("  - {identity: x, images: y, bytes-max: 0B}", "8: bytes-max must be more than nothing"),
            FaultCase("block-within: 0s", "8: block-within"),
            FaultCase("peers: []", "8: unknown key peers in the file"),
        ])
    func receiverKeys(row: FaultCase) throws {
        expect(try receiverFaults(Sample.receiver + row.lines), row.faults)
    }

    @Test("names the nearest known key or word, and what can be done")
    func remedies() throws {
        func remedy(_ lines: String) throws -> String? {
            let error = #expect(throws: ConfigurationFaults.self) { try sender(Sample.sender + Sample.rule + lines) }
            #expect(error?.disposition == .usage)
            return error?.remedy
        }
        #expect(try remedy("chekpoint-mib: 8") == "did you mean checkpoint-mib?")
        #expect(try remedy("diff: hybird") == "did you mean hybrid?")
        #expect(try remedy("  - {match: x, to: d}") == "did you mean b?")
        #expect(try remedy("  - {match: x, to: warehouse}") == "there are: b, c")
        #expect(try remedy("something-else: 1")?.hasPrefix("known here: site, store, tls, peers") == true)
    }

    @Test("of a whole file is told as such")
    func wholeFile() throws {
        #expect(try senderFaults("- a\n") == ["1: the file must hold keys and values"])
        #expect(try senderFaults("") == ["0: is empty"])
        #expect(try senderFaults("# nothing\n") == ["0: is empty"])
        #expect(try senderFaults("site: a\n--- \nsite: b\n").first?.hasPrefix("2: not YAML") == true)
        #expect(try senderFaults("a: [\n").first?.contains("not YAML") == true)
        #expect(try senderFaults("a: b\n\u{1}").first?.contains("not YAML") == true)
        #expect(try senderFaults("site: a\nsite: b\n") == ["1: written more than once in the same place: site"])
        #expect(try senderFaults("site: a\nimages: *nowhere\n").first?.hasPrefix("2: not YAML") == true)
    }

    @Test("of a receiver without clients, or a sender without peers, is told")
    func nobody() throws {
        let senderText = Sample.sender.split(separator: "\n").prefix(4).joined(separator: "\n")
        #expect(try senderFaults(senderText) == ["1: there is no peer to send to"])
        let receiverText = Sample.receiver.split(separator: "\n").prefix(5).joined(separator: "\n")
        #expect(try receiverFaults(receiverText) == ["1: no client may write here"])
        #expect(try receiverFaults(receiverText + "\nclients: []") == ["6: no client may write here"])
    }

    @Test("of a folder as a store is that it has no pools")
    func folderPools() throws {
        let text = Sample.receiver.replacing("ceph:\n    pools: [rbd, vms/tenant-a]", with: "directory: {path: x}")
        #expect(try receiverFaults(text) == [])
        let faults = try receiverFaults(text.replacing("db]}", with: "db], pool: rbd}"))
        #expect(faults == ["6: rbd is none of the store's pools"])
    }

    @Test("of a pattern with a slash is none where images are named with their pool")
    func slash() throws {
        let store = Sample.sender.replacing("directory: {path: images}", with: "ceph: {pools: [rbd]}")
        #expect(try senderFaults(store + "  - match: rbd/vm-*\n  - exclude: \"*/*/x\"") == [])
        // A store that can't be read is the only fault.
        let broken = Sample.sender.replacing("directory: {path: images}", with: "ceph: {}")
        #expect(try senderFaults(broken + "  - match: rbd/vm-*\n") == ["3: ceph has no key pool"])
    }

    @Test("is counted with the others in one line, and all are told in many")
    func several() throws {
        let error = #expect(throws: ConfigurationFaults.self) {
            try sender(Sample.sender + Sample.rule + "a-key: 1\nparallel: 0\n")
        }
        #expect(error?.cause.hasSuffix(":10: unknown key a-key in the file (and 1 more)") == true)
        #expect(error?.description.split(separator: "\n").count == 4)
    }

    @Test("of a file that is not there, too large or no text is told with its name")
    func unreadable() throws {
        let error = #expect(throws: ConfigurationFaults.self) { try SenderConfiguration(file: "/nowhere/s.yaml") }
        #expect(error?.cause.hasPrefix("/nowhere/s.yaml: can't be read") == true)
        #expect(throws: ConfigurationFaults.self) { try SenderConfiguration(file: "/tmp") }
        for endless in ["/dev/zero", "/dev/null"] {
            #expect(throws: ConfigurationFaults.self) { try SenderConfiguration(file: endless) }
        }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("ferry-\(UUID().uuidString)")
        try Data([0x61, 0xff, 0xfe]).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let notText = #expect(throws: ConfigurationFaults.self) { try SenderConfiguration(file: file.path) }
        #expect(notText?.faults[0].problem == "is no text in UTF-8")
    }
}
