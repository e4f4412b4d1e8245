import Foundation
import FuzzTargets
import TestSupport
import Testing

/// Files of all kinds with what fuzzing found interesting in them, which reach much of the parsers' code: none may crash.
@Suite("Inputs kept from fuzzing")
struct KeptInputTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .path

    /// Each line of the file is an input in Base64; `Tools/fuzz.sh` begins with them, `Tools/keep-fuzz-inputs.sh` writes them.
    private static func inputs(of target: FuzzTarget) throws -> [Data] {
        let url = try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/\(target.rawValue).base64")
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map {
            try #require(Data(base64Encoded: String($0)))
        }
    }

    @Test("No input crashes its parser", arguments: FuzzTarget.allCases)
    func reads(target: FuzzTarget) throws {
        let inputs = try Self.inputs(of: target)
        #expect(inputs.count > 10)
        let folder = try TemporaryFolder()
        try target.prepare(folder.path, tests: Self.tests)
        for input in inputs { try input.withUnsafeBytes { try target.meet($0, in: folder.path) } }
    }
}
