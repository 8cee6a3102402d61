import Glibc
import Testing

@testable import Systemd

@Suite struct NotifierTests {
    @Test("Every message reaches a socket with a path and one in the abstract namespace", arguments: [false, true])
    func everyMessage(isAbstract: Bool) throws {
        let socket = try FakeNotifySocket(isAbstract: isAbstract)
        let notifier = Notifier(environment: ["NOTIFY_SOCKET": socket.address])
        #expect(notifier.isActive)
        notifier.ready(status: "8 images")
        notifier.status("vm-1: 42 %")
        notifier.watchdog()
        notifier.extendTimeout(seconds: 1.5)
        notifier.stopping(status: "ending 2 transfers")
        #expect(
            socket.all() == [
                ["READY=1", "STATUS=8 images"], ["STATUS=vm-1: 42 %"], ["WATCHDOG=1"],
                ["EXTEND_TIMEOUT_USEC=1500000"], ["STOPPING=1", "STATUS=ending 2 transfers"],
            ])
        #expect(notifier.failureCount == 0)
        #expect(notifier.lastFailure == nil)
    }

    @Test("A reload says when it began, in microseconds of the monotonic clock")
    func reloadTime() throws {
        let socket = try FakeNotifySocket()
        let notifier = Notifier(environment: ["NOTIFY_SOCKET": socket.address])
        var before = timespec()
        clock_gettime(CLOCK_MONOTONIC, &before)
        notifier.reloading()
        let message = try #require(socket.next())
        #expect(message.first == "RELOADING=1")
        let time = try #require(message.last?.split(separator: "=").last.flatMap { Int($0) })
        #expect((0...60_000_000).contains(time - (before.tv_sec * 1_000_000 + before.tv_nsec / 1000)))
    }

    @Test("Text in a status can't add fields", arguments: ["a\nREADY=1", "a\rb", "a\u{0}b", "a\u{85}b\u{202E}"])
    func statusStaysOneField(text: String) throws {
        let socket = try FakeNotifySocket()
        let notifier = Notifier(environment: ["NOTIFY_SOCKET": socket.address])
        notifier.status(text)
        notifier.stopping(status: text)
        let messages = socket.all()
        #expect(messages.map(\.count) == [1, 2])
        #expect(messages.allSatisfy { $0.last?.hasPrefix("STATUS=a?") == true })
    }

    @Test("Outside of systemd nothing happens", arguments: [[:], ["NOTIFY_SOCKET": ""]])
    func noSocket(environment: [String: String]) {
        let notifier = Notifier(environment: environment)
        notifier.ready(status: "")
        notifier.watchdog()
        #expect(!notifier.isActive)
        #expect(notifier.failureCount == 0)
        #expect(notifier.watchdogSeconds == nil)
    }

    @Test(
        "An address that can't be used is a failure that is kept, and no message is tried",
        arguments: ["vsock:2:1234", "relative", "/", "@", "/" + String(repeating: "x", count: 107)])
    func unusableAddress(address: String) {
        let notifier = Notifier(environment: ["NOTIFY_SOCKET": address])
        notifier.ready(status: "")
        #expect(notifier.failureCount == 1)
        #expect(notifier.lastFailure?.disposition == .permanent)
    }

    @Test("The longest path that fits is used")
    func longestPath() {
        let notifier = Notifier(environment: ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 106)])
        notifier.ready(status: "")
        #expect(notifier.lastFailure?.number == ENOENT)
    }

    @Test("A manager that went away is counted, and no error of the service")
    func goneManager() throws {
        var socket: FakeNotifySocket? = try FakeNotifySocket()
        let notifier = Notifier(environment: ["NOTIFY_SOCKET": try #require(socket?.address)])
        notifier.ready(status: "")
        socket = nil
        notifier.watchdog()
        notifier.status("still here")
        #expect(notifier.failureCount == 2)
        #expect(notifier.lastFailure?.disposition == .temporary)
    }

    @Test("A full queue never blocks, and the last change of state goes with the next message that gets through")
    func fullQueue() throws {
        let socket = try FakeNotifySocket()
        let notifier = Notifier(environment: ["NOTIFY_SOCKET": socket.address])
        for _ in 0..<100_000 where notifier.failureCount == 0 { notifier.watchdog() }
        #expect(notifier.lastFailure?.number == EAGAIN)
        notifier.reloading()
        notifier.ready(status: "new configuration")
        _ = socket.all()
        notifier.watchdog()
        notifier.watchdog()
        #expect(socket.all() == [["READY=1", "STATUS=new configuration", "WATCHDOG=1"], ["WATCHDOG=1"]])
        #expect(notifier.failureCount == 3)
        #expect(notifier.lastFailure == nil)
    }

    @Test("A change of state that got through takes the place of one that did not")
    func overtakenChange() throws {
        let socket = try FakeNotifySocket()
        let notifier = Notifier(environment: ["NOTIFY_SOCKET": socket.address])
        for _ in 0..<100_000 where notifier.failureCount == 0 { notifier.watchdog() }
        notifier.ready(status: "up")
        _ = socket.all()
        notifier.stopping(status: "ending")
        #expect(socket.all() == [["STOPPING=1", "STATUS=ending"]])
    }

    @Test("A time that is no time extends nothing", arguments: [0, -1, .nan, .infinity, 1e300])
    func oddTimes(seconds: Double) throws {
        let socket = try FakeNotifySocket()
        Notifier(environment: ["NOTIFY_SOCKET": socket.address]).extendTimeout(seconds: seconds)
        #expect(socket.next() == nil)
    }

    @Test(
        "The watchdog's time comes from WATCHDOG_USEC, for the process that WATCHDOG_PID names",
        arguments: [
            (["WATCHDOG_USEC": "120000000"], 120), (["WATCHDOG_USEC": "500000", "WATCHDOG_PID": "42"], 0.5),
            (["WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "43"], nil),
            (["WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "x"], nil), (["WATCHDOG_PID": "42"], nil),
            (["WATCHDOG_USEC": "0"], nil), (["WATCHDOG_USEC": "-1"], nil), (["WATCHDOG_USEC": ""], nil),
            (["WATCHDOG_USEC": "1 s"], nil), (["WATCHDOG_USEC": "18446744073709551615"], nil),
            (["WATCHDOG_USEC": "99999999999999999999"], nil),
        ] as [([String: String], Double?)])
    func watchdog(environment: [String: String], seconds: Double?) {
        #expect(Notifier(environment: environment, processID: 42).watchdogSeconds == seconds)
    }
}
