import Foundation
import TestSupport

/// A form of a long computation: what is started, and what it comes to.
struct Form: Sendable {
    let name: String
    /// What has to be there first.
    var prepare: @Sendable (Workbench) throws -> Void = { _ in }
    /// The command that works in `output`, or makes it.
    let arguments: @Sendable (Workbench, _ output: String) throws -> [String]
    /// What the finished work came to, and what it last printed.
    let facts: @Sendable (Workbench, _ output: String, Child.Outcome) throws -> Facts
    /// Files beside the output that the form makes.
    var aside: @Sendable (_ output: String) -> [String] = { _ in [] }

    /// A run of pretraining with settings of its own.
    static func run(_ name: String, _ settings: [String], _ more: [String] = []) -> Form {
        Form(
            name: name, arguments: { bench, output in bench.run(output, settings, more) },
            facts: { _, output, _ in try Facts(run: output) })
    }

    static let long = [
        "corpus.sequence_length=320", "training.chunk_tokens=96", "training.batch_size=2", "training.lanes=3",
        "training.steps=9", "model.attention.pattern=window", "model.attention.window=32",
        "model.attention.global_tokens=documents", "model.attention.global_projections=own",
    ]

    static let all: [Form] = [
        run("plain", [], ["--log-to", "csv", "--log-histograms", "5"]),
        run(
            "stages",
            long + [
                "training.stages=[{steps: 4, sequence_length: 48, batch_size: 4},"
                    + "{steps: 3, sequence_length: 320, batch_size: 1}]"
            ]),
        run("two_optimizers", ["optimizer.separate=true", "optimizer.generator.peak_learning_rate=5e-4"]),
        run(
            "metro",
            [
                "objective.name=metro", "model.embedding_size=32", "model.embedding_sharing=token_only",
                "optimizer.separate=true", "optimizer.kind=sage",
            ]),
        run("coco_lm", ["objective.name=coco_lm", "model.embedding_size=32", "training.chunk_tokens=128"]),
        frozen,
        run("long", long),
        run("accumulation", ["training.accumulation_steps=3", "training.batch_size=3", "model.positions=learned"]),
        Form(
            name: "sources",
            arguments: { bench, output in
                bench.run(
                    output,
                    [
                        "corpus.sources=[{path: \(bench.path)/corpus/*.txt, weight: 3},"
                            + "{path: \(bench.path)/corpus/lines.jsonl.gz}, {path: \(bench.path)/more, weight: 0.5}]"
                    ])
            }, facts: { _, output, _ in try Facts(run: output) }),
        run("bfloat16", ["training.precision=bfloat16"]),
        run("muon", ["optimizer.kind=muon"]),
        run(
            "deberta",
            [
                "model.embedding_size=32", "model.embedding_sharing=disentangled", "model.detection_head=with_cls",
                "optimizer.separate=true",
            ]),
        // Losses that hardly fall are often two deviations above their mean.
        run(
            "roll_back",
            [
                "training.spike_deviations=2", "training.spike_action=roll_back", "training.steps=120",
                "training.checkpoint_every=10", "training.evaluate_every=0", "optimizer.peak_learning_rate=1e-6",
            ]),
        run("checkpoints", ["training.checkpoint_every=1", "training.keep_last=2", "training.keep_every=5"]),
        fineTuning, search, tokenizer, evaluation, export,
    ]

    private static let frozen = Form(
        name: "frozen", prepare: { _ = try $0.model },
        arguments: { bench, output in
            bench.run(
                output,
                [
                    "model.embedding_size=32", "objective.replacements=frozen",
                    "objective.frozen_generator.checkpoint=\(bench.path)/model", "model.embedding_sharing=disentangled",
                    "objective.frozen_generator.temperature=2", "tokenizer.path=\(bench.path)/model/tokenizer.json",
                    "objective.frozen_generator.cache=\(output).samples",
                ])
        },
        facts: { _, output, _ in
            // The cache's name is in the configuration, which differs from output to output.
            var facts = Facts()
            for (name, lines) in try Facts(run: output).parts where !name.hasSuffix("config.yaml.lz4") {
                facts.add(name, lines)
            }
            return facts
        }, aside: { ["\($0).samples"] })

    private static let fineTuning = Form(
        name: "fine_tuning", prepare: { _ = try $0.model },
        arguments: { bench, output in
            [
                "finetune", bench.path + "/model", "--train", bench.path + "/train.jsonl", "--validation",
                bench.path + "/dev.jsonl", "--output", output, "--threads", "1", "--quiet",
            ]
                + ["kind=classes", "training.epochs=6", "training.batch_size=8", "training.maximum_length=16"]
                .flatMap { ["--set", $0] }
        },
        facts: { _, output, _ in try Facts(fineTuning: output) })

    private static let search = Form(
        name: "search",
        arguments: { bench, output in
            [
                "transfer-hp", bench.path + "/target.yaml", "--output", output, "--proxy-width", "64", "--threads", "2",
                "--no-coordinate-check", "--json", "--search", "learning_rate=1e-3,4e-3", "--proxy-steps", "12",
                "--set", "corpus.sources=[{path: \(bench.path)/corpus}]",
            ]
        },
        facts: { _, output, _ in try Facts(search: output) })

    private static let tokenizer = Form(
        name: "tokenizer",
        arguments: { bench, output in
            [
                "tokenizer", "train", "--input", bench.path + "/corpus", "--vocabulary-size", "500", "--output",
                output + "/tokenizer.json",
            ]
        },
        facts: { _, output, _ in try Facts(files: output) })

    private static let evaluation = Form(
        name: "evaluation", prepare: { _ = try $0.model },
        arguments: { bench, _ in ["evaluate", bench.path + "/model", "--threads", "1", "--json"] },
        facts: { _, _, outcome in
            var facts = Facts()
            facts.add("output", [outcome.output])
            return facts
        })

    private static let export = Form(
        name: "export", prepare: { _ = try $0.model },
        arguments: { bench, output in ["export", bench.path + "/model", "--output", output + "/hf"] },
        facts: { _, output, _ in try Facts(files: output) })
}
