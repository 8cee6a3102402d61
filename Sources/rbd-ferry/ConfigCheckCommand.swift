import AgentConfiguration
import ArgumentParser
import FerryCore

/// `rbd-ferry config check`
struct ConfigCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Finds every fault in configuration files.",
        discussion: """
            Says nothing and ends with 0 when all is well. Otherwise it names each fault with file and line, and below \
            it what to do, and ends with 2. A certificate that ends within 14 days is a warning only.
            """)

    @Argument(help: "Configuration files, of senders or receivers.")
    var files: [String]

    @Flag(name: .customLong("no-files"), help: "Do not look into the certificates and the key.")
    var withoutFiles = false

    func run() async throws {
        var hasFaults = false
        for file in files {
            let check = ConfigurationCheck(file: file, withFiles: !withoutFiles)
            for warning in check.warnings { writeToStandardError("\(warning.place): warning: \(warning.problem)") }
            for fault in check.faults {
                writeToStandardError("\(fault.place): \(fault.problem)\n  \(fault.remedy)")
            }
            hasFaults = hasFaults || !check.faults.isEmpty
        }
        if hasFaults { throw ExitStatus.usage }
    }
}
