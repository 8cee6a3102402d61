import AgentConfiguration
import FerryCore
import Testing

/// A text, and what it names.
struct ImageSpecCase: CustomTestStringConvertible, Sendable {
    let text: String
    let store: StoreConfiguration
    let image: String
    let snapshot: String?
    var testDescription: String { text }
}

private func ceph(_ pool: String, _ namespace: String? = nil) -> StoreConfiguration {
    .ceph(
        conf: "/c", user: "u", places: [CephPlace(pool: pool, namespace: namespace)], dataPool: "d", isQualified: false)
}

private func row(
    _ text: String, _ store: StoreConfiguration, _ image: String, _ snapshot: String? = nil
) -> ImageSpecCase {
    ImageSpecCase(text: text, store: store, image: image, snapshot: snapshot)
}

@Suite("The name of an image on the command line")
struct ImageSpecTests {
    @Test(
        "says where the image is, what it is called, and which snapshot is meant",
        arguments: [
            row("ceph:rbd/vm", ceph("rbd"), "vm"),
            row("ceph:rbd/vm@daily", ceph("rbd"), "vm", "daily"),
            row("ceph:rbd/tenant/vm", ceph("rbd", "tenant"), "vm"),
            row("ceph:rbd/tenant/vm@daily", ceph("rbd", "tenant"), "vm", "daily"),
            row("ceph:rbd/vm@a@b", ceph("rbd"), "vm", "a@b"),
            row("ceph:rbd/vm@a/b", ceph("rbd"), "vm", "a/b"),
            row("ceph:rbd/vm:1", ceph("rbd"), "vm:1"),
            row("ceph:größe/ä b", ceph("größe"), "ä b"),
            row("dir:/srv/mirror/vm", .directory(path: "/srv/mirror"), "vm"),
            row("dir:/srv/mirror/vm@daily", .directory(path: "/srv/mirror"), "vm", "daily"),
            row("dir:images/vm", .directory(path: "images"), "vm"),
            row("dir:./vm", .directory(path: "."), "vm"),
            row("dir:/vm", .directory(path: "/"), "vm"),
            row("dir:/a@b/vm", .directory(path: "/a@b"), "vm"),
            row("dir:/a@b/vm@c", .directory(path: "/a@b"), "vm", "c"),
            row("dir:C:/vm", .directory(path: "C:"), "vm"),
        ])
    func good(row: ImageSpecCase) throws {
        let spec = try ImageSpec(row.text)
        #expect(spec.store(cephConf: "/c", cephUser: "u", dataPool: "d") == row.store)
        #expect(spec.image == row.image)
        #expect(spec.snapshot == row.snapshot)
    }

    @Test(
        "is refused with what can be typed when it names none",
        arguments: [
            "", "vm", "rbd/vm", "/srv/mirror/vm", ":", ":rbd/vm", "CEPH:rbd/vm", "file:/srv/vm", "ceph", "ceph:",
            "ceph:vm", "ceph:rbd/", "ceph:/vm", "ceph://vm", "ceph:rbd//vm", "ceph:rbd/vm/", "ceph:a/b/c/d",
            "ceph:@daily", "ceph:rbd@daily", "ceph:rbd/@daily", "ceph:rbd/vm@", "dir", "dir:", "dir:vm", "dir:/",
            "dir:images/", "dir:images/@daily", "dir:images/vm@", "dir:@/",
        ])
    func bad(text: String) throws {
        let error = #expect(throws: ImageSpecError.self) { try ImageSpec(text) }
        #expect(error?.disposition == .usage)
        #expect(error?.cause.hasPrefix("\(text) names no image: ") == true)
        #expect(error?.remedy.contains("ceph:POOL/IMAGE[@SNAP]") == true)
    }

    @Test("is shown without control characters when it is refused")
    func printable() {
        let error = #expect(throws: ImageSpecError.self) { try ImageSpec("vm\u{1b}[2J") }
        #expect(error?.cause.contains("\u{1b}") == false)
    }

    @Test("with an unknown store in it is shown without control characters too")
    func printableStore() {
        let error = #expect(throws: ImageSpecError.self) { try ImageSpec("a\u{1b}[2J:rbd/vm") }
        #expect(error?.cause.contains("\u{1b}") == false)
    }
}
