import ArgumentParser
import DiffStream
import FerryCore

/// `benchmark-parts codec`
struct CodecCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "codec", abstract: "Encodes write records into blocks, then decodes and checks them.")

    /// What was measured.
    struct Result: Encodable {
        let encodeRecordsPerSecond: Double
        let decodeRecordsPerSecond: Double
    }

    @Option(name: .long, help: "Data bytes of each record.")
    var extentBytes = 4096

    @Option(name: .long, help: "How many records.")
    var records = 1_000_000

    func validate() throws {
        guard (1...Limits.writeByteCountMax).contains(extentBytes) else {
            throw ValidationError("--extent-bytes takes 1 to \(Limits.writeByteCountMax)")
        }
        guard (1...(1 << 30)).contains(records) else { throw ValidationError("--records takes 1 to 1073741824") }
    }

    func run() async throws {
        var decoder = DiffDecoder(banner: .absent)
        var checker = DiffChecker()
        var block: [UInt8] = []
        block.reserveCapacity(Limits.blockContentByteCountMax)
        let data = DataBuffer(byteCount: Limits.writeByteCountMax)
        data.clear()
        // Every other extent's length is left out, as adjoining ones would be one record.
        let distance = UInt64(extentBytes) * 2
        DiffEncoder.appendToSnapshot("snapshot", to: &block)
        DiffEncoder.appendImageByteCount(UInt64(records) * distance, to: &block)

        let clock = ContinuousClock()
        var (encoding, decoding) = (Duration.zero, Duration.zero)
        var number = 0
        while number < records {
            encoding += clock.measure { encode(from: &number, distance, data, into: &block) }
            decoding += try clock.measure { try Self.decode(block, &decoder, &checker) }
            block.removeAll(keepingCapacity: true)
        }
        guard checker.totals.writeCount == records else { throw MeasurementError("the decoder missed records") }
        try printResult(
            Result(
                encodeRecordsPerSecond: Double(records) / (encoding / .seconds(1)),
                decodeRecordsPerSecond: Double(records) / (decoding / .seconds(1))))
    }

    /// Fills one block, as a sender does.
    private func encode(from number: inout Int, _ distance: UInt64, _ data: DataBuffer, into block: inout [UInt8]) {
        while number < records, block.count < Limits.blockContentByteCountTarget {
            let extent = Extent(offset: UInt64(number) * distance, byteCount: UInt64(extentBytes))
            DiffEncoder.appendWriteHeader(extent, to: &block)
            data.append(0..<extentBytes, to: &block)
            number += 1
        }
    }

    private static func decode(
        _ block: [UInt8], _ decoder: inout DiffDecoder, _ checker: inout DiffChecker
    ) throws(DiffError) {
        var position = 0
        let bytes = block.span
        while let event = try decoder.next(bytes, at: &position) {
            try checker.check(event, at: decoder.record)
        }
    }
}
