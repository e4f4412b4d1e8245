import Foundation
import Testing

@Suite struct DamagedCheckpointTests {
    enum Damage: String, CaseIterable {
        case flippedBit, truncation, absence

        func apply(to path: String) throws {
            let url = URL(fileURLWithPath: path)
            var data = try Data(contentsOf: url)
            switch self {
            case .flippedBit:
                data[data.count / 2] ^= 4
                try data.write(to: url)
            case .truncation: try data.prefix(data.count * 2 / 3).write(to: url)
            case .absence: try FileManager.default.removeItem(at: url)
            }
        }
    }

    @Test(arguments: Damage.allCases)
    func aDamagedCheckpointIsPassedOver(_ damage: Damage) throws {
        let workspace = try Workspace()
        // With a learning rate that the length of the run does not change, so that steps 16 to 20 are the same again.
        let constant = ["optimizer.schedule=constant"]
        try workspace.run("run", constant)
        try workspace.folder.copy("run", to: "sound")
        let longer = constant + ["training.steps=30"]
        try workspace.run("sound", longer)
        let sound = try workspace.record("sound")

        let newest = workspace.checkpoint("run", 20)
        let files = workspace.folder.names(newest)
        #expect(files.count == 10)
        for (number, file) in files.enumerated() where damage == .flippedBit || number % 3 == 0 {
            let copy = "copy-\(number)"
            try workspace.folder.copy("run", to: copy)
            let damaged = workspace.checkpoint(copy, 20)
            try damage.apply(to: "\(workspace.path)/\(damaged)/\(file)")
            let verification = try workspace.pretrain("checkpoint", "verify", damaged)
            #expect(verification.status == 1, "\(file)")
            let outcome = try workspace.run(copy, longer)
            #expect(outcome.errors.contains("passed over a damaged checkpoint"), "\(file): \(outcome.errors)")
            #expect(outcome.errors.contains("step-00000020"))
            try workspace.record(copy).expectEqual(sound)
            // What was passed over is kept for whoever wants to look at it.
            #expect(workspace.folder.exists("\(copy)/previous-1/checkpoints/step-00000020"))
        }
    }

    @Test func documentsWithRightChecksumsAndWrongContentAreDamageToo() throws {
        let workspace = try Workspace()
        let constant = ["optimizer.schedule=constant"]
        try workspace.run("run", constant)
        try workspace.folder.copy("run", to: "sound")
        let longer = constant + ["training.steps=30"]
        try workspace.run("sound", longer)
        let sound = try workspace.record("sound")
        let changes: [(String, String, String)] = [
            ("state.json", #""tokens":[0-9]+"#, #""tokens":9223372036854775807"#),
            ("state.json", #""step":20"#, #""step":9223372036854775807"#), ("state.json", #""step":20"#, #""step":-1"#),
            ("state.json", #""step":20"#, #""step":19"#), ("state.json", #"^.*$"#, "[]"),
            ("state.json", #""count":[0-9]+"#, #""count":9223372036854775807"#),
            ("state.json", #""began":\{[^}]*\}"#, #""began":{"learning_rate_too_high":-9223372036854775808}"#),
            ("loader.json", #""nextDocument":[0-9]+"#, #""nextDocument":-5"#), ("loader.json", #"^.*$"#, "{}"),
            // Tokens that the tables have no rows for.
            ("loader.json", #""tokens":\[[0-9]+"#, #""tokens":[2147483647"#),
            ("loader.json", #""tokens":\[[0-9]+"#, #""tokens":[-1"#),
            ("corpus.json", #"^.*$"#, "{"), ("config.yaml", "hidden_size: [0-9]+", "hidden_size: -3"),
            ("tokenizer.json", #""model""#, #""mode""#),
        ]
        for (number, (name, pattern, replacement)) in changes.enumerated() {
            let copy = "copy-\(number)"
            try workspace.folder.copy("run", to: copy)
            try workspace.rewrite(
                copy, step: 20,
                document: { document, text in
                    document == name
                        ? text.replacingOccurrences(of: pattern, with: replacement, options: .regularExpression) : text
                })
            let outcome = try workspace.run(copy, longer)
            #expect(
                outcome.errors.contains("passed over a damaged checkpoint"), "\(name) \(replacement): \(outcome.errors)"
            )
            try workspace.record(copy).expectEqual(sound)
        }
    }

    @Test func ifAllAreDamagedNothingIsTouched() throws {
        let workspace = try Workspace()
        try workspace.run("run")
        for step in workspace.steps("run") {
            try Damage.flippedBit.apply(to: "\(workspace.path)/\(workspace.checkpoint("run", step))/weights.lz4")
        }
        let before = try FileManager.default.subpathsOfDirectory(atPath: workspace.path + "/run").sorted()
        let metrics = try workspace.folder.text("run/metrics.jsonl")
        let outcome = try workspace.run("run", ["training.steps=30"], expecting: 1)
        #expect(outcome.errors.contains("weights.lz4"), "\(outcome.errors)")
        #expect(try FileManager.default.subpathsOfDirectory(atPath: workspace.path + "/run").sorted() == before)
        #expect(try workspace.folder.text("run/metrics.jsonl") == metrics)
    }

    @Test func hostileCheckpointsAreRefused() throws {
        let workspace = try Workspace()
        try workspace.run("run")
        let manifest = workspace.checkpoint("run", 20) + "/manifest.json"
        let text = try workspace.folder.text(manifest)
        let outside = try workspace.folder.write("secret", to: "outside")
        for (old, new) in [
            (#""file":"weights.lz4""#, #""file":"../../../outside""#),
            (#""file":"weights.lz4""#, #""file":"\#(outside)""#),
            (#""file":"weights.lz4""#, #""file":"config.yaml.lz4""#),
            (#""step":20"#, #""step":-1"#), (#""step":20"#, #""step":9223372036854775807"#),
            (#""parameters":"#, #""parameters":9"#), (#""frame_bytes":"#, #""frame_bytes":999999999"#),
            (#""frame_bytes":"#, #""frame_bytes":-"#), (#""stored_bytes":"#, #""stored_bytes":9999999999999999"#),
            (#""shape":["#, #""shape":[4611686018427387904,4,"#), (#""version":3"#, #""version":1"#),
            (#""version":3"#, #""version":99"#),
        ] {
            #expect(text.contains(old), "\(old)")
            try workspace.folder.write(text.replacingOccurrences(of: old, with: new), to: manifest)
            for command in ["inspect", "verify"] {
                let outcome = try workspace.pretrain("checkpoint", command, workspace.checkpoint("run", 20))
                #expect(outcome.status == 1 && !outcome.wasKilled, "\(command) \(new): \(outcome.errors)")
                #expect(!outcome.output.contains("secret"))
            }
            let outcome = try workspace.pretrain("evaluate", workspace.checkpoint("run", 20))
            #expect(outcome.status == 1 && !outcome.wasKilled, "\(new): \(outcome.errors)")
        }
    }
}
