import Testing

@testable import OpenSSL

@Suite("who may read a key")
struct KeyModeTests {
    @Test(
        "ours is ours alone; root's may be read by our group; nobody else ever",
        arguments: [
            (0o600, 1000, 1000, true), (0o400, 1000, 1000, true), (0o640, 1000, 1000, false),
            (0o604, 1000, 1000, false), (0o640, 0, 1000, true), (0o600, 0, 1000, true), (0o660, 0, 1000, false),
            (0o644, 0, 1000, false), (0o650, 0, 1000, false), (0o600, 0, 0, true), (0o640, 0, 0, false),
            (0o640, 1000, 0, false), (0o644, 2000, 1000, false),
        ] as [(UInt32, UInt32, UInt32, Bool)])
    func table(mode: UInt32, owner: UInt32, user: UInt32, expected: Bool) {
        #expect(LocalFile.isPrivate(mode: mode, owner: owner, user: user) == expected)
    }
}
