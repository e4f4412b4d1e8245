import Comparison
import Configuration
import Corpus
import Foundation
import Pretraining
import Runs
import TestSupport
import Testing

@Suite("Comparisons")
struct ComparisonTests {
    static let base = """
        model: {hidden_size: 16, embedding_size: 16, layer_count: 1, head_count: 1, intermediate_size: 16, generator: {width_multiplier: 1}}
        tokenizer: {vocabulary_size: 300}
        corpus: {sequence_length: 16, held_out: 0.2}
        optimizer: {warmup_steps: 2, peak_learning_rate: 2e-3}
        training: {batch_size: 4, evaluate_every: 6, checkpoint_every: 0}
        evaluation: {tokens: 400, samples: 0}
        """

    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.write(Self.base, to: "base.yaml")
        var random = SplitMix64(seed: 4)
        let words = ["harbour", "quiet", "of", "the", "old", "ship", "sails", "and", "wind", "water"]
        let text = (0..<120).map { _ in
            (0..<20).map { _ in words[Int.random(in: 0..<words.count, using: &random)] }.joined(separator: " ")
        }
        try folder.write(text.joined(separator: "\n\n"), to: "text.txt")
    }

    private func plan(_ text: String) throws -> ComparisonConfiguration {
        try ComparisonConfiguration(contentsOf: try folder.write(text, to: "compare.yaml"))
    }

    private func arms(_ plan: ComparisonConfiguration, _ settings: [String] = []) throws -> [(
        name: String, configuration: RunConfiguration
    )] {
        try plan.resolved(
            relativeTo: folder.path, settings: ["corpus.sources=[{path: \(folder("text.txt"))}]"] + settings)
    }

    private func compare(
        _ plan: ComparisonConfiguration, _ output: String, _ options: Comparison.Options
    ) throws -> ComparisonReport {
        try Comparison(
            plan, arms: try arms(plan), options: options, folder: folder(output), progress: ProgressLine(quiet: true),
            note: { _, _ in }
        ).run()
    }

    private static let three = """
        base: base.yaml
        learning_rates: [1e-3, 4e-3]
        tuning_share: 0.5
        arms:
          - {name: electra}
          - {name: metro, set: [objective.name=metro]}
          - {name: mlm, set: [objective.name=masked_language_model]}
        """

    @Test("The same figures however many run at a time, and after all has been done before")
    func run() throws {
        let plan = try plan(Self.three)
        let report = try compare(plan, "one", .init(length: .steps(12), seeds: 2, jobs: 1))
        #expect(report.judge == "a further run of electra" && report.replaces == true && report.isJudgeApart == true)
        #expect(report.arms.map(\.name) == ["electra", "metro", "mlm"])
        for arm in report.arms {
            #expect(arm.steps == 12 && arm.seeds.map(\.seed) == [0, 1])
            #expect(arm.trials.count >= 2 && arm.trials.count <= 4)
            let best = arm.trials.filter { $0.score != nil }.min { $0.score! < $1.score! }
            #expect(arm.learningRate == best?.learningRate)
            // By its own loss where there is one, not by 50 times as much.
            if arm.name == "electra" { #expect(arm.trials.compactMap(\.score).allSatisfy { $0 < 2 }) }
            #expect((arm[.correctiveLoss] == nil) == (arm.name == "electra"))
            #expect((arm[.discriminatorLoss] == nil) == (arm.name == "mlm"))
            #expect((arm[.generatorLoss] == nil) == (arm.name == "mlm"))
        }
        #expect(try compare(plan, "two", .init(length: .steps(12), seeds: 2, jobs: 3)) == report)
        #expect(try compare(plan, "one", .init(length: .steps(12), seeds: 2, jobs: 2)) == report)
        for name in ["results.json", "results.md", "curves.svg", "runs/metro-1/metrics.jsonl"] {
            #expect(FileManager.default.fileExists(atPath: folder("one/\(name)")), "\(name)")
        }
        // More seeds go on from there, another length does not.
        let more = try compare(plan, "one", .init(length: .steps(12), seeds: 3, jobs: 2))
        #expect(more.arms.map { Array($0.seeds.prefix(2)) } == report.arms.map(\.seeds))
        #expect(throws: ComparisonError.otherBudget(path: folder("one"), begun: "12 steps", asked: "13")) {
            _ = try compare(plan, "one", .init(length: .steps(13), seeds: 2, jobs: 2))
        }
        #expect(throws: ComparisonError.self) {
            _ = try compare(plan, "one", .init(length: .minutes(1), seeds: 2, jobs: 2))
        }
    }

    @Test("An arm may try rates of its own, and those of Muon's matrices") func ownRates() throws {
        let plan = try plan(
            """
            base: base.yaml
            set: [objective.name=masked_language_model]
            learning_rates: [1e-3, 4e-3]
            arms:
              - {name: adamw}
              - {name: muon, set: [optimizer.kind=muon], tuned_rate: muon.peak_learning_rate, learning_rates: [0.02]}
            """)
        let report = try compare(plan, "rates", .init(length: .steps(8), seeds: 1, jobs: 2))
        #expect(report.arms[0].trials.count >= 2 && report.arms[0].trials.allSatisfy { $0.learningRate != 0.02 })
        #expect(report.arms[1].trials.map(\.learningRate) == [0.02] && report.arms[1].learningRate == 0.02)
        let configuration = try String(contentsOfFile: folder("rates/runs/muon-0/config.yaml"), encoding: .utf8)
        #expect(configuration.contains("0.02"))
    }

    @Test("Models are judged on text by which no rate was chosen, where some is kept apart")
    func testText() throws {
        let plan = try plan(
            """
            base: base.yaml
            set: [objective.name=masked_language_model, corpus.test=0.2]
            learning_rates: [1e-3]
            arms: [{name: one}, {name: two, set: [optimizer.beta1=0.8]}]
            """)
        let report = try compare(plan, "tested", .init(length: .steps(4), seeds: 1, jobs: 1))
        #expect(report.isOnTestText == true && report.explanation.contains("test text"))
        // Masks of a masked language model go by place and seed alone.
        func loss(_ run: String, _ selection: HeldOutReader.Selection) throws -> Double? {
            let model = try LoadedModel(path: folder("tested/\(run)"), threads: 1)
            // Models are judged on what is hidden throughout, trials as they are trained.
            let masking = try LoadedModel(
                path: folder(run.hasPrefix("runs") ? "tested/runs/one-0" : "tested/masking/one-0.001"), threads: 1,
                masksForOthers: run.hasPrefix("runs"))
            defer { for model in [model, masking] { model.engine.pool.shutDown() } }
            return try Evaluator(model.configuration, of: model, selection: selection, maskedBy: masking).evaluate(
                model.engine, step: 4, corruptor: masking.engine
            ).correctiveLoss
        }
        #expect(try loss("runs/one-0", .test) != loss("runs/one-0", .heldOut))
        #expect(try report.arms[0].seeds[0].correctiveLoss == loss("runs/one-0", .test))
        #expect(try report.arms[0].trials[0].score == loss("tuning/one-0.001", .heldOut))
    }

    @Test("Equal time: steps by each arm's own speed, kept for the next time")
    func minutes() throws {
        let plan = try plan(
            """
            base: base.yaml
            arms: [{name: small}, {name: large, set: [model.layer_count=6]}]
            """)
        let options = Comparison.Options(length: .minutes(0.002), seeds: 1, jobs: 1, pilotSteps: 12)
        let report = try compare(plan, "timed", options)
        let budget = try String(contentsOfFile: folder("timed/budget.json"), encoding: .utf8)
        #expect(report.arms.allSatisfy { $0.steps >= 1 && $0.trials.isEmpty })
        #expect(try compare(plan, "timed", options) == report)
        #expect(try String(contentsOfFile: folder("timed/budget.json"), encoding: .utf8) == budget)
        #expect(!FileManager.default.fileExists(atPath: folder("timed/pilots")))
        #expect(report.explanation.contains("One seed tells nothing"))
        // An arm that has become another one has another speed.
        let changed = try self.plan(
            """
            base: base.yaml
            arms: [{name: small}, {name: large, set: [model.layer_count=7]}]
            """)
        #expect(throws: ComparisonError.self) { _ = try compare(changed, "timed", options) }
    }

    @Test("Models that predict masked tokens are judged on the same masks, however much each masks in training")
    func sameMasks() throws {
        let plan = try plan(
            """
            base: base.yaml
            set: [objective.name=masked_language_model]
            arms:
              - {name: some}
              - {name: most, set: [objective.mask_fraction=0.6]}
            """)
        let report = try compare(plan, "masks", .init(length: .steps(4), seeds: 2, jobs: 2))
        #expect(report.judge == "some, seed 0" && report.replaces == false && report.isJudgeApart == false)
        #expect(report.explanation.contains("On held-out text that some, seed 0 has masked for all."))
        // Judged by itself, a model has masks of its own.
        let model = try LoadedModel(path: folder("masks/runs/most-1"), threads: 1)
        defer { model.engine.pool.shutDown() }
        let masker = try LoadedModel(path: folder("masks/runs/some-0"), threads: 1, masksForOthers: true)
        defer { masker.engine.pool.shutDown() }
        let own = try Evaluator(model.configuration, of: model).evaluate(model.engine, step: 4)
        let same = try Evaluator(model.configuration, of: model).evaluate(
            model.engine, step: 4, corruptor: masker.engine)
        let loss = try #require(report.arms[1].seeds[1].correctiveLoss)
        #expect(loss == same.correctiveLoss && loss != own.correctiveLoss)
        // What frequencies give is less where some of what is to be predicted shows.
        #expect(same.unigramLoss == same.unigramEntropy)
        let share = try #require(own.unigramLoss) / own.unigramEntropy
        #expect(abs(share - 0.85) < 0.1)
    }

    @Test("Where nothing is held out, nothing is trained")
    func nothingToJudgeBy() throws {
        let plan = try plan(
            """
            base: base.yaml
            set: [corpus.held_out=0]
            arms: [{name: one}, {name: two, set: [optimizer.beta1=0.8]}]
            """)
        #expect(throws: CorpusError.self) { try compare(plan, "unjudged", .init(length: .steps(4), seeds: 1, jobs: 1)) }
        #expect(!FileManager.default.fileExists(atPath: folder("unjudged/runs")))
    }

    @Test("A detector that corrects is tuned by both of its losses, as they weigh in training")
    func weighedRates() throws {
        let plan = try plan(
            """
            base: base.yaml
            set: [objective.name=metro]
            learning_rates: [1e-3]
            arms: [{name: one}, {name: two, set: [optimizer.beta1=0.8]}]
            """)
        let report = try compare(plan, "weighed", .init(length: .steps(4), seeds: 1, jobs: 1))
        let model = try LoadedModel(path: folder("weighed/tuning/one-0.001"), threads: 1)
        let masker = try LoadedModel(path: folder("weighed/masking/one-0.001"), threads: 1)
        defer { for model in [model, masker] { model.engine.pool.shutDown() } }
        let found = try Evaluator(model.configuration, of: model, maskedBy: masker).evaluate(
            model.engine, step: 4, corruptor: masker.engine)
        let detection = try #require(found.discriminatorLoss)
        let weighed = try model.configuration.objective.discriminatorWeight * detection + #require(found.correctiveLoss)
        #expect(try abs(#require(report.arms[0].trials[0].score) - weighed) < 1e-9)
    }

    @Test("What does not compare is refused by name")
    func refusals() throws {
        func problem(_ text: String) -> String {
            do {
                _ = try arms(try plan(text))
                return ""
            } catch { return "\(error)" }
        }
        #expect(problem("arms: [{name: a}]").contains("1 cannot be compared"))
        #expect(problem("arms: [{name: a}, {name: a}]").contains("a is the name of an earlier arm too"))
        #expect(problem("arms: [{name: a}, {name: ../b}]").contains("is no name of a folder"))
        #expect(problem("judge: c\narms: [{name: a}, {name: b}]").contains("c is no arm"))
        #expect(
            problem("learning_rates: [2e-3, 1e-3]\narms: [{name: a}, {name: b}]").contains("not above the one before"))
        #expect(
            problem("base: base.yaml\narms: [{name: a}, {name: b, tuned_rate: muon.peak_learning_rate}]")
                .contains("has optimizer.kind: adamw"))
        #expect(
            problem("arms: [{name: a}, {name: b, learning_rates: [2, 1]}]").contains("not above the one before"))
        #expect(problem("learning_rates: [1.234e-3, 1.2344e-3]\narms: [{name: a}, {name: b}]").contains("three digits"))
        #expect(problem("learning_rates: [fast]\narms: [{name: a}, {name: b}]").contains("fast is no number"))
        #expect(
            problem("base: base.yaml\narms: [{name: a}, {name: b, set: [model.hidden_sise=8]}]").contains("arm b"))
        #expect(
            problem("base: base.yaml\narms: [{name: a}, {name: b, set: [tokenizer.vocabulary_size=400]}]")
                .contains("another tokenizer"))
        #expect(
            problem("base: base.yaml\narms: [{name: a}, {name: b, set: [corpus.held_out_unit=piece]}]")
                .contains("arm b: has other text"))
        #expect(
            problem("base: base.yaml\narms: [{name: a}, {name: b, set: [corpus.sequence_length=12]}]")
                .contains("arm b: has another corpus.sequence_length"))
        #expect(
            problem(
                "base: base.yaml\njudge: b\narms: [{name: a}, {name: b, set: [objective.name=masked_language_model]}]"
            ).contains("arm b: replaces no tokens, and others read replacements"))
        #expect(
            problem("base: base.yaml\narms: [{name: a}, {name: b, learning_rates: [1, 2]}]")
                .contains("arm a: masks text for the trials of others and has none of its own"))
        // What an arm alone sets has to mean something to it; what all have may mean something to the others.
        #expect(
            problem("base: base.yaml\narms: [{name: a}, {name: b, set: [model.attention.window=64]}]")
                .contains("arm b: --set: model.attention.window: is for pattern window or alternating"))
        #expect(
            problem(
                "base: base.yaml\nset: [model.attention.window=64]\n"
                    + "arms: [{name: a}, {name: b, set: [model.attention.pattern=window]}]"
            ).isEmpty)
        #expect(problem("base: missing.yaml\narms: [{name: a}, {name: b}]").contains("missing.yaml"))
        #expect(problem("bse: base.yaml\narms: [{name: a}, {name: b}]").contains("did you mean base"))
    }

    @Test("The comparisons of Experiments are sound")
    func experiments() throws {
        let experiments = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Experiments")
        var found = 0
        for name in try FileManager.default.subpathsOfDirectory(atPath: experiments.path) where name.hasSuffix(".yaml")
        {
            let url = experiments.appendingPathComponent(name)
            guard try String(contentsOf: url, encoding: .utf8).contains("\narms:") else { continue }
            found += 1
            let plan = try ComparisonConfiguration(contentsOf: url.path)
            let arms = try plan.resolved(
                relativeTo: url.deletingLastPathComponent().path,
                settings: ["corpus.sources=[{path: \(folder("text.txt"))}]"])
            #expect(arms.count == plan.arms.count)
        }
        #expect(found >= 3)
    }

    @Test("Differences count beyond two standard errors")
    func spread() throws {
        func arm(_ name: String, _ values: [Double]) -> ComparisonReport.Arm {
            .init(
                name: name, settings: [], steps: 1, tokens: 2, learningRate: 1e-3, trials: [],
                seeds: values.enumerated().map { .init(seed: $0, generatorLoss: $1) })
        }
        let a = arm("a", [1, 2, 3])
        let spread = try #require(a[.generatorLoss])
        #expect(spread.mean == 2 && spread.deviation == 1 && spread.count == 3)
        // Two errors of the difference are 2 · √(1/3 + 1/3), 1.633.
        let near = arm("near", [2.6, 3.6, 4.6])
        let far = arm("far", [2.7, 3.7, 4.7])
        #expect(try #require(near[.generatorLoss]).differs(from: spread) == false)
        #expect(try #require(far[.generatorLoss]).differs(from: spread) == true)
        #expect(try #require(arm("one", [1])[.generatorLoss]).differs(from: spread) == nil)
        var none = arm("none", [])
        none.seeds = [.init(seed: 0, divergedAt: 3)]
        #expect(ComparisonReport(judge: nil, arms: [a, none]).table.rows[1][4] == "diverged (1)")
        let rows = ComparisonReport(judge: nil, arms: [a, near, far]).table.rows
        #expect(rows.map { $0[4] } == ["2.0000 ± 1.0000", "3.6000 ± 1.0000", "3.7000 ± 1.0000 *"])
    }
}
