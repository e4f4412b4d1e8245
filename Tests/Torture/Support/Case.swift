import Checkpoints
import Foundation

/// A command whose calls are watched: what it starts from, and what it comes to.
struct Case: Sendable {
    var name: String
    /// A folder that the output is a copy of at the beginning; nil: there is none yet.
    var base: String?
    /// Whether the output's folder is made first.
    var needsFolder = false
    /// Whether the same command can be given again after it has succeeded.
    var isRepeatable = true
    /// The folder whose calls are watched; nil: the output.
    var watched: String?
    var arguments: @Sendable (_ output: String) -> [String]
    var facts: @Sendable (_ output: String, Child.Outcome) throws -> Facts

    /// A run that ends within a few steps, and the same one from its middle.
    static func runs(_ bench: Workbench) throws -> [Case] {
        let settings = [
            "training.steps=6", "training.checkpoint_every=2", "training.evaluate_every=3", "training.keep_last=2",
            "tokenizer.path=\(try bench.tokenizer)",
        ]
        let facts: @Sendable (String, Child.Outcome) throws -> Facts = { output, _ in try Facts(run: output) }
        let arguments: @Sendable (String) -> [String] = { bench.run($0, settings, ["--log-to", "csv"]) }
        let base = try bench.half(arguments)
        return [
            Case(name: "new", base: nil, arguments: arguments, facts: facts),
            Case(name: "resumed", base: base, arguments: arguments, facts: facts),
        ]
    }

    static func all(_ bench: Workbench) throws -> [Case] {
        let model = try bench.model
        let runs = try runs(bench)
        let files: @Sendable (String, Child.Outcome) throws -> Facts = { output, _ in try Facts(files: output) }
        let printed: @Sendable (String, Child.Outcome) throws -> Facts = { _, outcome in
            var facts = Facts()
            facts.add("output", [outcome.output])
            return facts
        }
        let run = runs[0]
        return runs + [
            Case(
                name: "corpus", base: nil, watched: bench.path + "/corpus", arguments: run.arguments, facts: run.facts),
            Case(
                name: "fine_tuning", base: nil,
                arguments: { output in
                    [
                        "finetune", model, "--train", bench.path + "/train.jsonl", "--validation",
                        bench.path + "/dev.jsonl", "--output", output, "--threads", "1", "--quiet",
                    ]
                        + ["kind=classes", "training.epochs=2", "training.batch_size=16", "training.maximum_length=16"]
                        .flatMap { ["--set", $0] }
                }, facts: { output, _ in try Facts(fineTuning: output) }),
            Case(
                name: "tokenizer", base: nil, needsFolder: true,
                arguments: {
                    [
                        "tokenizer", "train", "--input", bench.path + "/corpus", "--vocabulary-size", "400", "--output",
                        $0 + "/tokenizer.json",
                    ]
                }, facts: files),
            Case(
                name: "export", base: nil, needsFolder: true, isRepeatable: false,
                arguments: { ["export", model, "--output", $0 + "/hf"] }, facts: files),
            Case(
                name: "evaluation", base: nil, watched: model,
                arguments: { _ in ["evaluate", model, "--threads", "1", "--json"] }, facts: printed),
            Case(
                name: "verification", base: model, arguments: { ["checkpoint", "verify", $0] },
                facts: { output, _ in try Facts(run: output) }),
        ]
    }

    /// Makes what the command starts from.
    func prepare(_ output: String) throws {
        if let base { try FileManager.default.copyItem(atPath: base, toPath: output) }
        if needsFolder { try OutputFolders.make(output) }
    }

    /// Fails if any published checkpoint is not sound.
    static func checkCheckpoints(_ output: String) throws {
        for folder in ["checkpoints", "seed-0/checkpoints", "seed-0/best"] {
            for entry in try CheckpointDirectory(path: "\(output)/\(folder)").entries() {
                do { try CheckpointReader(path: entry.path).verify(threads: 1) } catch {
                    throw Finding("a published checkpoint is damaged: \(error)")
                }
            }
        }
    }
}
