// swift-tools-version: 6.1
import PackageDescription

// The kernels are written with Swift SIMD types, which are faster than scalar code only when the compiler may use
// AVX2 and FMA. The flag has to be in the manifest, or a plain `swift build` would be slow without a word; the price
// is that other packages cannot depend on this one as a library. PRETRAIN_MARCH=native builds for this machine alone.
#if arch(x86_64)
    let instructionSet = Context.environment["PRETRAIN_MARCH"] ?? "x86-64-v3"
    let instructionSetFlags = ["-march=\(instructionSet)"]
#else
    let instructionSetFlags = Context.environment["PRETRAIN_MARCH"].map { ["-mcpu=\($0)"] } ?? []
#endif

/// Settings of the targets that hold vector code: this instruction set, and optimised in debug builds too.
let vectorised: [SwiftSetting] = [
    .unsafeFlags(instructionSetFlags.flatMap { ["-Xcc", $0] }),
    .unsafeFlags(["-O"], .when(configuration: .debug)),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = [], _ settings: [SwiftSetting] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// For tests that compute little of their own, and what drives programs: compiles in half of the time. What is tested is optimised
/// all the same.
let unoptimised: [SwiftSetting] = [.unsafeFlags(["-Onone"])]

/// - Parameter isOptimised: for tests that hold kernels against much arithmetic of their own.
func tests(
    _ name: String, _ dependencies: [Target.Dependency], fixtures: Bool = false, isOptimised: Bool = false
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, resources: fixtures ? [.copy("Fixtures")] : [],
        swiftSettings: isOptimised ? [] : unoptimised)
}

let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let nio = ["NIOCore", "NIOHTTP1", "NIOPosix"].map { Target.Dependency.product(name: $0, package: "swift-nio") }
/// Only where it is asked for (`make fuzz`), since its main function is libFuzzer's.
let fuzzing: [Target] =
    Context.environment["PRETRAIN_FUZZ"] == nil
    ? []
    : [
        .executableTarget(
            name: "Fuzz",
            dependencies: ["FuzzTargets"], path: "Tests/Fuzz",
            swiftSettings: [.unsafeFlags(["-parse-as-library"])])
    ]

let atomics = Target.Dependency.product(name: "Atomics", package: "swift-atomics")

let package = Package(
    name: "pretrain",
    products: [.executable(name: "pretrain", targets: ["pretrain"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-atomics", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: fuzzing + [
        // System libraries: module maps over pkg-config.
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CSHA256", cSettings: [.unsafeFlags(instructionSetFlags)]),
        // Compiled for what its functions need; whoever calls them has asked the processor.
        .target(name: "CAVX512", cSettings: [.unsafeFlags(["-O3"])]),
        // Defines what the archive of Foundation's ICU would, if the installed binary is being built and its name is known.
        .target(
            name: "CICUData", cSettings: Context.environment["PRETRAIN_ICU_DATA"].map { [.define("ICU_DATA", to: $0)] }),
        .target(name: "CProcessor", cSettings: [.unsafeFlags(instructionSetFlags)]),

        // Lowest first; a target imports only targets above it.
        library("Formatting"),
        library("Files"),
        library("Machine", ["CProcessor", "Formatting"]),
        .target(
            name: "Communication", dependencies: ["Files", "Formatting"],
            resources: [.embedInCode("MPI/pretrain_mpi.c")]),
        library("Configuration", ["Files", yams]),
        library("Kernels", ["Machine", "COpenBLAS", "CAVX512", "CProcessor", atomics], vectorised),
        library("Tokenization", ["Files"], vectorised),
        library(
            "Corpus",
            ["Configuration", "Files", "Machine", "Kernels", "Tokenization", "CLZ4", "CZlib", "CZstd", "CCrypto"]),
        library("Parametrization", ["Configuration"]),
        library("Plots"),
        library("Encoder", ["Configuration", "Kernels", "Parametrization"]),
        library("Objectives", ["Configuration", "Kernels", "Parametrization", "Encoder", "Corpus"]),
        library("Optimization", ["Configuration", "Kernels", "Parametrization", "Encoder"]),
        library("Checkpoints", ["Files", "Formatting", "CLZ4", "CCrypto", "CSHA256", "CProcessor"], vectorised),
        library("Runs", ["Checkpoints", "Files", "Formatting", "Machine", atomics]),
        library(
            "Engine",
            [
                "Communication", "Configuration", "Machine", "Kernels", "Tokenization", "Corpus", "Parametrization",
                "Encoder", "Objectives", "Optimization",
            ]),
        library(
            "Pretraining",
            [
                "Communication", "Configuration", "Kernels", "Machine", "Tokenization", "Corpus", "Parametrization",
                "Encoder", "Objectives", "Optimization", "Checkpoints", "Files", "Formatting", "Plots", "Runs",
                "Engine",
            ]),
        library(
            "Benchmarks",
            [
                "Configuration", "Kernels", "Tokenization", "Corpus", "Encoder", "Objectives", "Checkpoints", "Files",
                "Formatting", "Machine", "Engine", "Pretraining", "Runs",
            ]),
        .target(
            name: "Interchange",
            dependencies: [
                "Configuration", "Files", "Formatting", "Machine", "Kernels", "Tokenization", "Corpus",
                "Parametrization",
                "Encoder", "Objectives", "Checkpoints", "Runs", "Engine", "Pretraining", "CZlib",
            ],
            resources: [.embedInCode("CustomCode/modeling_pretrain.py")]),
        library(
            "HyperparameterTransfer",
            [
                "Configuration", "Kernels", "Tokenization", "Corpus", "Parametrization", "Encoder", "Objectives",
                "Optimization", "Files", "Formatting", "Engine", "Pretraining", "Runs", "Plots",
            ]),
        library("Analysis", ["Corpus", "Encoder", "Files", "Formatting", "Objectives", "Plots", "Runs", "Engine"]),
        library(
            "FineTuning",
            [
                "Configuration", "Kernels", "Tokenization", "Corpus", "Parametrization", "Encoder", "Optimization",
                "Checkpoints", "Files", "Formatting", "Machine", "Runs", "Engine", "Pretraining", "Plots",
            ]),
        library(
            "Comparison",
            [
                "Configuration", "Corpus", "Files", "Formatting", "Engine", "Pretraining", "Runs", "Tokenization",
                "Analysis",
            ]),
        .target(
            name: "Reports",
            dependencies: [
                "Formatting", "Configuration", "Tokenization", "Corpus", "Objectives", "Checkpoints", "Runs", "Engine",
                "Pretraining", "Analysis", "FineTuning", "Files",
            ] + nio + [atomics],
            resources: [.embedInCode("Assets/report.css"), .embedInCode("Assets/report.js")]),
        .executableTarget(
            name: "pretrain",
            dependencies: [
                "Configuration", "Communication", "CProcessor", "CICUData", "Files", "Machine", "Kernels",
                "Tokenization", "Corpus", "Encoder", "Objectives", "Checkpoints", "Benchmarks",
                "Engine", "Pretraining", "Runs",
                "HyperparameterTransfer", "Interchange", "Analysis", "Comparison", "FineTuning", "Formatting",
                "Reports", arguments,
            ]),

        .target(
            name: "TestSupport", dependencies: ["Checkpoints", "Corpus", "Kernels", "CLZ4", "CZlib", "CZstd"],
            path: "Tests/TestSupport"),
        .target(
            name: "TestModels", dependencies: ["Encoder", "Pretraining", "Tokenization"], path: "Tests/TestModels"),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Checkpoints", "Configuration", "Corpus", "FineTuning", "Interchange", "Pretraining", "Runs",
                "Tokenization",
            ], path: "Tests/FuzzTargets", exclude: ["Seeds"]),
        // Drives the built program for minutes or hours (`make torture`); no product, and no part of one.
        .executableTarget(
            name: "torture",
            dependencies: ["Checkpoints", "Formatting", "Runs", "TestSupport", arguments],
            path: "Tests/Torture", resources: [.embedInCode("Faults/shim.c")], swiftSettings: unoptimised),
        tests("FormattingTests", ["Formatting"]),
        tests("FuzzTests", ["FuzzTargets", "TestSupport"], fixtures: true),
        tests(
            "FineTuningTests",
            [
                "Checkpoints", "Configuration", "Encoder", "Engine", "FineTuning", "Interchange", "Kernels",
                "Optimization",
                "Parametrization", "Pretraining", "Runs", "TestModels", "TestSupport", "Tokenization",
            ], fixtures: true),
        tests("ComparisonTests", ["Comparison", "Configuration", "Corpus", "Pretraining", "Runs", "TestSupport"]),
        tests("FilesTests", ["Files", "TestSupport"]),
        tests("CommunicationTests", ["Communication"]),
        tests("MachineTests", ["Machine", "TestSupport"]),
        tests("ConfigurationTests", ["Configuration", "TestSupport"]),
        tests("KernelsTests", ["Kernels", "Machine", "TestSupport", atomics], isOptimised: true),
        tests("TokenizationTests", ["Files", "Tokenization", "TestSupport"], fixtures: true, isOptimised: true),
        tests(
            "CorpusTests", ["Corpus", "Machine", "Tokenization", "Kernels", "TestSupport", "CLZ4", "CZlib", "CZstd"],
            isOptimised: true),
        tests("CheckpointsTests", ["Checkpoints", "TestSupport"], fixtures: true),
        tests("PlotsTests", ["Plots"]),
        tests("ReportsTests", ["Checkpoints", "Reports", "Runs", "TestSupport"]),
        tests(
            "GradientTests",
            ["Corpus", "Encoder", "Kernels", "Objectives", "Optimization", "Parametrization", "TestSupport"],
            fixtures: true, isOptimised: true),
        tests(
            "GoldenTests",
            [
                "Corpus", "Encoder", "Interchange", "Kernels", "Objectives", "Optimization", "Parametrization",
                "TestSupport",
            ],
            fixtures: true),
        tests(
            "EncoderTests", ["Configuration", "Encoder", "Kernels", "Objectives", "Parametrization", "TestSupport"],
            isOptimised: true),
        tests(
            "ObjectivesTests", ["Corpus", "Encoder", "Kernels", "Objectives", "Parametrization", "TestSupport"]),
        tests(
            "OptimizationTests", ["Encoder", "Kernels", "Optimization", "Parametrization", "TestSupport", atomics],
            isOptimised: true),
        tests(
            "InterchangeTests",
            [
                "Checkpoints", "Configuration", "Corpus", "Encoder", "Engine", "Files", "Interchange", "Kernels",
                "Objectives", "Optimization", "Pretraining", "TestModels", "TestSupport", "Tokenization",
            ],
            fixtures: true),
        tests("RunsTests", ["Checkpoints", "Runs", "TestSupport"]),
        tests(
            "EngineTests",
            [
                "Communication", "Configuration", "Corpus", "Encoder", "Engine", "Kernels", "Machine", "Objectives",
                "Optimization", "Pretraining", "TestModels", "TestSupport", "Tokenization",
            ], isOptimised: true),
        tests(
            "PretrainingTests",
            [
                "Configuration", "Corpus", "Encoder", "Engine", "Kernels", "Objectives", "Pretraining", "Runs",
                "TestModels",
                "TestSupport", "Tokenization",
            ]),
        tests(
            "BenchmarksTests",
            [
                "Benchmarks", "Checkpoints", "Configuration", "Corpus", "Pretraining", "Runs", "TestModels",
                "TestSupport",
            ]),
        tests(
            "HyperparameterTransferTests",
            [
                "Configuration", "Encoder", "HyperparameterTransfer", "Kernels", "Objectives", "Parametrization",
                "Plots", "Pretraining", "TestSupport",
            ]),
        tests(
            "AnalysisTests",
            [
                "Analysis", "Corpus", "Encoder", "Engine", "Kernels", "Pretraining", "TestModels", "TestSupport",
                "Tokenization",
            ]),
        // Needs the executable built beside it, which it runs as a child process.
        tests(
            "EndToEndTests", ["pretrain", "Checkpoints", "Kernels", "CLZ4", "CZlib", "CZstd", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c11
)
