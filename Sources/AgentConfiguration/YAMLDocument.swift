import FerryCore
import Yams

/// The one YAML document of a file.
enum YAMLDocument {
    /// Parses `text`. Throws when it is no YAML, is empty, or would take too long to look at.
    static func root(of text: String, file: String) throws(ConfigurationError) -> Node {
        guard !AliasBomb.isPossible(in: text) else {
            throw ConfigurationError(
                file: file, line: 0, problem: "has many aliases beside keys that are no plain words",
                remedy: "write out what the aliases (*name) stand for")
        }
        let root: Node?
        do {
            // The basic resolver leaves scalars as they are written.
            root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch {
            throw fault(error, file: file, text: text)
        }
        guard let root else {
            throw ConfigurationError(file: file, line: 0, problem: "is empty", remedy: "README shows whole files")
        }
        return root
    }

    private static func fault(_ error: any Error, file: String, text: String) -> ConfigurationError {
        if case YamlError.duplicatedKeysInMapping(let keys, let context) = error {
            return ConfigurationError(
                file: file, line: context.mark.line,
                problem: "written more than once in the same place: \(keys.joined(separator: ", ").printable)",
                remedy: "keep one of each")
        }
        return ConfigurationError(
            file: file, line: line(of: error, in: text), problem: "not YAML: \(firstLines(of: error))",
            remedy: "mend the line; README shows whole files")
    }

    /// What the parser found, on one line and without the excerpt that it puts below.
    private static func firstLines(of error: any Error) -> String {
        if case YamlError.reader(let problem, _, _, _) = error { return problem.printable }
        return "\(error)".split(separator: "\n").prefix(2).joined(separator: ", ").printable
    }

    private static func line(of error: any Error, in text: String) -> Int {
        switch error as? YamlError {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        case .reader(_, let offset?, _, _): 1 + text.prefix(offset).count(where: \.isNewline)
        default: 0
        }
    }
}
