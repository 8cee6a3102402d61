import Conversation
import FerryCore

/// Records on the wire and the payloads of control records: the same records come out however the bytes are cut, and a
/// control record that was read comes back when it is written and read again.
///
/// Input: options, then either slicing and a connection's bytes (the banner goes before them if the option says so), or
/// the payload of one record.
enum ControlFuzzer: Fuzzer {
    static let name = "control"

    static func seeds(golden: [[UInt8]]) -> [[UInt8]] {
        let wires = golden.filter { $0.starts(with: WireDecoder.banner + [WireTag.hello.rawValue]) }
        let records = wires.flatMap { read($0, Slicing(seed: 0)).records }
        return wires.flatMap { [[0x80, 0] + $0, [0x80, 3] + $0] }
            + records.map { [UInt8(WireTag.allCases.firstIndex(of: $0.tag) ?? 0)] + $0.payload.bytes }
            + records.map { [0x81, 0] + $0.encoded }
    }

    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let options = input.byte()
        guard options & 0x80 != 0 else {
            let tag = WireTag.allCases[Int(options) % WireTag.allCases.count]
            return check(WireRecord(tag: tag, payload: input.remainder()))
        }
        let slicing = Slicing(seed: input.byte())
        let bytes = (options & 1 != 0 ? WireDecoder.banner : []) + input.remainder()
        let whole = read(bytes, Slicing(seed: 0))
        require(read(bytes, slicing) == whole, "slices change nothing")
        whole.records.forEach(check)
        guard whole.violation == nil else { return }
        let again = WireDecoder.banner + whole.records.flatMap(\.encoded)
        require(bytes.starts(with: again) || again.starts(with: bytes), "records made anew are the same bytes")
    }

    private struct Reading: Equatable {
        var records: [WireRecord] = []
        var violation: ProtocolViolation?
    }

    private static func read(_ bytes: [UInt8], _ slicing: Slicing) -> Reading {
        var decoder = WireDecoder()
        var reading = Reading()
        do throws(ProtocolViolation) {
            for slice in slicing.slices(of: bytes) {
                var position = 0
                while let record = try decoder.next(slice.span, at: &position) {
                    require(record.payload.byteCount <= record.tag.payloadByteCountMax, "payloads keep their limits")
                    reading.records.append(record)
                }
                require(position == slice.count, "all is taken before more is asked for")
            }
            require(decoder.byteOffset == UInt64(bytes.count), "bytes are counted")
        } catch {
            requireShowable(error)
            reading.violation = error
        }
        return reading
    }

    private static func check(_ record: WireRecord) {
        do throws(ProtocolViolation) {
            guard let control = try ControlRecord(record) else { return }
            require(control.tag == record.tag, "a record keeps its tag")
            if case .fault(let fault) = control { requireShowable(fault) }
            let again = try ControlRecord(control.wireRecord)
            require(again == control, "a control record comes back as it was")
        } catch {
            requireShowable(error)
        }
    }
}
