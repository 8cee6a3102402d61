import FoundationEssentials
import Reporting
import Testing

@Suite("the status table")
struct StatusTableTests {
    @Test("a line on the agent, a row an image, then what is wrong and what to do")
    func sender() {
        let expected = """
            sender at site a: healthy, 4 images (1 waiting, 1 in sync, 1 syncing, 1 stopped; 1 late), up 1d 2h, rbd-ferry 0.4.0
            warning: certs/sender.pem ends in 9 days
            limits: total 20.0 MiB/s (now 19.5 MiB/s, changes in 3h 2m), b 1.0 MiB/s (now 0 B/s)

            IMAGE  PEER  STATE             LAG          PUBLISHED                        PROVEN                  PROGRESS                      NEXT RUN
            vm-1   b     in sync           4m 12s       ferry-20261121T115548Z (4m ago)  changed 25% 3m 50s ago  -                             in 10m 48s
            vm-2   b     syncing: sending  31m 2s late  -                                -                       42%, 120.4 MiB/s, 3m 2s left  now
            vm-3   b     stopped           -            -                                -                       -                             -
            vm-4   b     waiting           -            -                                -                       -                             -

            vm-2 (b), warning: the base is held for 16d, of 30d at most
            vm-3 (b), 3 runs failed in a row, last 12m 5s ago: the mirror holds data that rbd-ferry did not write
              roll the mirror back, or remove it
            """
        #expect(StatusTable.lines(StatusExample.sender).joined(separator: "\n") == expected)
    }

    @Test("an agent without images says so, and its problems come first")
    func problems() {
        var status = StatusExample.empty(.receiver)
        status.problems = ["the cluster does not answer", "no space"]
        #expect(
            StatusTable.lines(status) == [
                "receiver at site a: 2 problems, up 1d 2h, rbd-ferry 0.4.0", "problem: the cluster does not answer",
                "problem: no space", "no images",
            ])
    }

    @Test("what clients have taken of the bounds that they have; a warning from nine tenths of the bytes on")
    func quotas() {
        #expect(
            StatusTable.lines(StatusExample.receiver) == [
                "receiver at site a: healthy, up 1d 2h, rbd-ferry 0.4.0",
                "warning: client sender.site-a has taken 95% of its bytes-max",
                "client sender.site-a: 2 of 2 connections, 17 of 20 images, 19.0 TiB of 20.0 TiB",
                "client sender.site-c: 9 of 10 images", "no images",
            ])
    }

    @Test(
        "a share of a quota is rounded down, and may be more than all",
        arguments: [(899_999, nil), (900_000, "90%"), (999_999, "99%"), (1_000_000, "100%"), (2_500_000, "250%")])
    func quotaShares(_ count: UInt64, _ text: String?) {
        var client = ClientStatus(name: "a")
        (client.bytes, client.bytesMax) = (count, 1_000_000)
        (client.imageCount, client.imageCountMax) = (2, 2)
        var status = StatusExample.empty(.receiver)
        status.note([client])
        #expect(status.warnings == (text.map { ["client a has taken \($0) of its bytes-max"] } ?? []))
    }

    @Test("no line ends with a space, whatever is missing")
    func noTrailingSpace() {
        for line in StatusTable.lines(StatusExample.sender) { #expect(line.last != " ") }
    }

    @Test("names and texts from elsewhere can't move the cursor or begin a line")
    func escapes() {
        let hostile = "vm\u{1B}[2J\nvm-9"
        var image = ImageStatus(image: hostile, peer: hostile, state: .stopped)
        image.phase = hostile
        image.warnings = [hostile]
        image.alarm = ProofAlarmStatus(
            since: StatusExample.now, snapshot: hostile, mirrorSnapshot: hostile, differingBytes: 1, differing: [])
        image.lastProof = ProofStatus(
            snapshot: hostile, mirrorSnapshot: hostile, at: StatusExample.now, scope: hostile, imageBytes: 0,
            comparedBytes: 0, differingBytes: 1)
        image.lastPublished = PublishedState(snapshot: hostile, takenAt: StatusExample.now)
        image.lastError = ImageError(
            cause: hostile, remedy: hostile, disposition: hostile, at: StatusExample.now, failureCount: 1)
        var status = StatusExample.empty(.receiver)
        status.site = hostile
        status.version = hostile
        status.problems = [hostile]
        status.warnings = [hostile]
        status.images = [image]
        var client = ClientStatus(name: hostile)
        (client.bytes, client.bytesMax) = (.max, 1)
        status.note([client])
        let lines = StatusTable.lines(status)
        #expect(lines.count == 14)
        for line in lines { #expect(!line.contains { $0 == "\u{1B}" || $0.isNewline }) }
    }

    @Test("an alarm is in the table, in the first line and in a line of its own, with the way out")
    func alarm() {
        var status = StatusExample.empty(.sender)
        status.images = [StatusExample.alarmed]
        let lines = StatusTable.lines(status)
        #expect(lines[0].contains("1 image (1 in sync; 1 in ALARM)"))
        #expect(lines[3].contains("  ALARM  "))
        #expect(
            lines.suffix(2) == [
                "vm-1 (b), ALARM for 1h 1m: 128.0 KiB of s differ from the source's, "
                    + "at 1048576+65536 1073741824+65536",
                "  look at both clusters' health, then mend it with `rbd-ferry verify IMAGE --config FILE --repair` at the "
                    + "sender, by the image's name there",
            ])
        #expect(status.needsAttention && status.summaryLine == "1 image: 1 in sync; 1 in ALARM")
    }

    @Test(
        "a share that is not all is not shown as 100 percent", arguments: [(0.9999, "99%"), (0.004, "0.4%"), (1, "")])
    func coverage(_ ratio: Double, _ text: String) {
        var status = StatusExample.empty(.sender)
        var image = StatusExample.inSync
        image.lastProof?.comparedRatio = ratio
        status.images = [image]
        #expect(StatusTable.lines(status)[3].contains(text.isEmpty ? "changed 3m" : "changed \(text) 3m"))
    }

    @Test("numbers that are none or too large do not trap", arguments: [Double.nan, .infinity, -.infinity, 1e300, -1])
    func extremes(_ value: Double) {
        var image = StatusExample.syncing
        image.lagSeconds = value
        image.progress = TransferProgress(
            doneBytes: .max, wireBytes: .max, fraction: value, bytesPerSecond: value, secondsLeft: value)
        var status = StatusExample.empty(.sender)
        status.images = [image]
        #expect(StatusTable.lines(status).count > 3)
        #expect(!PrometheusText.text(status).isEmpty)
    }

    @Test("someone should look when there is a problem, or an image is stopped or late; not while one retries")
    func attention() {
        var status = StatusExample.empty(.sender)
        status.images = [StatusExample.inSync, ImageStatus(image: "vm-2", peer: "b", state: .retrying)]
        #expect(!status.needsAttention)
        #expect(StatusExample.sender.needsAttention)
        for image in [StatusExample.stopped, StatusExample.syncing, StatusExample.alarmed] {
            status.images = [image]
            #expect(status.needsAttention)
        }
        status.images = []
        status.problems = ["no space"]
        #expect(status.needsAttention)
    }
}
