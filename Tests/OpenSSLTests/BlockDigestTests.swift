import Testing

@testable import OpenSSL

@Suite("The digest of a block")
struct BlockDigestTests {
    /// From: printf TEXT | openssl mac -cipher AES-128-GCM -macopt hexkey:KEY -macopt hexiv:000000000000000000000000 GMAC
    /// where KEY is the key's ASCII in hexadecimal.
    @Test(
        "known digests come out",
        arguments: [
            ("abc", "1e036af539fc1af18fae89f6a8679239"), ("hello, world", "1e2fd7b05a8388906500163959d36a13"),
        ])
    func known(text: String, expected: String) {
        let digest = BlockDigest.digest(Array(text.utf8).span)
        #expect(digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected)
    }

    @Test("one bit, one byte more, or two bytes swapped change it")
    func changes() {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var (flipped, swapped) = (bytes, bytes)
        flipped[77_777] ^= 1
        swapped.swapAt(10, 11)
        let digests = [bytes, flipped, swapped, bytes + [0], Array(bytes.dropLast()), []].map {
            BlockDigest.digest($0.span)
        }
        #expect(Set(digests).count == digests.count)
        #expect(digests.allSatisfy { $0.count == BlockDigest.byteCount })
        #expect(BlockDigest.digest(bytes.span) == digests[0])
    }
}
