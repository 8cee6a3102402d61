/// The records that this protocol adds to *rbd diff v2*. A v2 reader skips them: their tags are upper-case.
public enum WireTag: UInt8, Sendable, CaseIterable {
    /// Who speaks, and which protocol; the first record each way.
    case hello = 0x48  // H
    /// Sender: an image, its snapshots, and the one wanted on the mirror.
    case offer = 0x4F  // O
    /// Receiver: the base to use and where to go on, or why not.
    case answer = 0x41  // A
    /// Sender: a run of whole standard records, compressed and checked as one.
    case block = 0x42  // B
    /// Receiver: how much is durable on the mirror.
    case progress = 0x50  // P
    /// Sender: everything was sent; counts and digest.
    case totals = 0x54  // T
    /// Receiver: the snapshot is published.
    case committed = 0x43  // C
    /// Either: the conversation ends here, and why.
    case fault = 0x58  // X
    /// Sender: digests wanted of what the mirror holds. Protocol 2.
    case digestQuery = 0x51  // Q
    /// Receiver: the digests. Protocol 2.
    case digests = 0x44  // D
    /// Sender: what a proof showed. Protocol 2.
    case proofResult = 0x52  // R
    /// Sender: what lies below an offset is equal, or was sent. Protocol 2.
    case settled = 0x53  // S
    /// Either: still here.
    case keepAlive = 0x4B  // K
}
