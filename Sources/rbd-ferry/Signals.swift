import Dispatch
import Foundation
import Synchronization

/// Runs `body`; SIGINT or SIGTERM cancels it. A second signal ends the process at once.
///
/// Returns what `body` returns, or the signal's status when one came.
func runUntilSignal(_ body: @escaping @Sendable () async -> ExitStatus) async -> ExitStatus {
    let received = Mutex<Int32?>(nil)
    return await withTaskGroup(of: ExitStatus?.self) { group in
        group.addTask { await body() }
        group.addTask {
            for await number in signals([SIGINT, SIGTERM]) {
                let isFirst = received.withLock { value in
                    defer { value = value ?? number }
                    return value == nil
                }
                guard isFirst else { Foundation.exit(128 + number) }
                return nil
            }
            return nil
        }
        while let status = await group.next() {
            if let status {
                group.cancelAll()
                guard let number = received.withLock({ $0 }) else { return status }
                return number == SIGTERM && status == .success ? .success : .interrupted(by: number)
            }
            // The signal came: the body checkpoints and ends.
            group.cancelAll()
        }
        return .success
    }
}

/// The given signals, as they come.
private func signals(_ numbers: [Int32]) -> AsyncStream<Int32> {
    AsyncStream(bufferingPolicy: .bufferingNewest(2)) { continuation in
        let sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
        continuation.onTermination = { _ in sources.forEach { $0.cancel() } }
    }
}
