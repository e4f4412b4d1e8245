import Configuration

/// Which tokens see which. One vocabulary for the patterns of Longformer, ModernBERT and BigBird.
public struct AttentionConfiguration: Configurable, Equatable {
    public var pattern = AttentionPatternKind.full
    public var window = 512
    public var windows: [Int] = []
    public var dilations: [Int] = []
    public var fullEvery = 3
    public var globalTokens = GlobalTokenKind.none
    public var globalEvery = 64
    public var globalIDs: [Int] = []
    public var maximumGlobalTokens = 64
    public var globalProjections = GlobalProjectionKind.shared
    public var blockSize = 64
    public var globalBlocks = 2
    public var windowBlocks = 3
    public var randomBlocks = 3
    public var randomSeed = 0
    public var localRotaryBase: Double?
    public var queryKeyNorm = false
    public var disentangled = false
    public var positionBuckets = 256
    public var maximumRelativeDistance = 512

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.choice(
            "pattern", &pattern,
            "full: all of the document; window: keys near the query (Longformer); alternating: windows, and every "
                + "full_every-th layer full (ModernBERT); big_bird: global, window and random blocks.")
        try fields.integer(
            "window", &window, 2...2_097_152, "Width of the window in keys, half of it on each side of the query; even."
        )
        try fields.integers(
            "windows", &windows, 2...2_097_152, "Width of each layer's window, first layer first; [] for window in all."
        )
        try fields.integers(
            "dilations", &dilations, 1...65536,
            "Distance from key to key in each head's window; [] for 1. A window then reaches as many times farther.")
        try fields.integer("full_every", &fullEvery, 1...1024, "alternating: layers 0, n, 2n, … see everything.")
        try fields.choice(
            "global_tokens", &globalTokens,
            "Tokens that see their whole document and that all of it sees, beside windows. first: the sequence's first "
                + "token; documents: every document's first; ids: those of global_ids; every: every global_every-th.")
        try fields.integer("global_every", &globalEvery, 1...1_048_576, "Distance between global tokens: every.")
        try fields.integers("global_ids", &globalIDs, 0...16_777_215, "Token ids that are global: ids.")
        try fields.integer(
            "maximum_global_tokens", &maximumGlobalTokens, 1...65536,
            "Most global tokens of a document; of ids, later ones are ordinary tokens.")
        try fields.choice(
            "global_projections", &globalProjections,
            "Queries of global tokens, and keys and values that they read, by projections shared with the others or "
                + "their own.")
        try fields.integer("block_size", &blockSize, 16...4096, "big_bird: tokens of a block, a multiple of 16.")
        try fields.integer(
            "global_blocks", &globalBlocks, 0...1024,
            "big_bird: blocks that see and are seen by all, half of them (rounded up) first, the others last.")
        try fields.integer("window_blocks", &windowBlocks, 1...1023, "big_bird: blocks around the query's, odd.")
        try fields.integer("random_blocks", &randomBlocks, 0...1024, "big_bird: other blocks that each block sees.")
        try fields.integer(
            "random_seed", &randomSeed, 0...Int(Int64.max),
            "big_bird: decides the random blocks of every layer and head.")
        try fields.number(
            "local_rotary_base", &localRotaryBase, 1...1e9,
            "Base of the rotary angles in windowed layers of alternating; null: model.rotary_base.")
        try fields.flag(
            "query_key_norm", &queryKeyNorm,
            "Give queries and keys unit root mean square, head by head, and each head's queries a learned factor: scores cannot "
                + "grow with the weights.")
        try fields.flag(
            "disentangled", &disentangled,
            "Scores have parts of their own for the distance: content to position and position to content (DeBERTa), from a "
                + "table that all layers share. For pattern full, with positions none or learned.")
        try fields.integer(
            "position_buckets", &positionBuckets, 0...65536,
            "disentangled: rows of the table for either direction; half of them are for one distance each, the others for "
                + "ranges by logarithm; even. 0: a row for every distance.")
        try fields.integer(
            "maximum_relative_distance", &maximumRelativeDistance, 2...1_048_576,
            "disentangled: distances from here on share the outermost row.")
    }

    private var hasWindows: Bool { pattern == .window || pattern == .alternating }

    public var uses: [SettingUse] {
        let ofWindows = "is for pattern window or alternating; pattern is \(pattern.rawValue)"
        let ofBlocks = "is for pattern big_bird; pattern is \(pattern.rawValue)"
        return [
            SettingUse("window", "windows", isRead: hasWindows, otherwise: ofWindows),
            SettingUse("window", isRead: windows.isEmpty, otherwise: "is not read beside windows, one for each layer"),
            SettingUse(
                "full_every", isRead: pattern == .alternating,
                otherwise: "is for pattern alternating; pattern is \(pattern.rawValue)"),
            SettingUse(
                "global_every", isRead: globalTokens == .every,
                otherwise: "is for global_tokens every; global_tokens is \(globalTokens.rawValue)"),
            SettingUse(
                "global_ids", isRead: globalTokens == .ids,
                otherwise: "is for global_tokens ids; global_tokens is \(globalTokens.rawValue)"),
            SettingUse(
                "maximum_global_tokens", isRead: globalTokens != .none,
                otherwise: "is for global tokens; global_tokens is none"),
            SettingUse(
                "block_size", "global_blocks", "window_blocks", "random_blocks", "random_seed",
                isRead: pattern == .bigBird, otherwise: ofBlocks),
            SettingUse("random_seed", isRead: randomBlocks > 0, otherwise: "is for random blocks; random_blocks is 0"),
            SettingUse(
                "position_buckets", "maximum_relative_distance", isRead: disentangled,
                otherwise: "is only read with disentangled: true"),
        ]
    }

    public func validate() throws {
        for (key, width) in [("window", window)] + windows.enumerated().map({ ("windows.\($0)", $1) })
        where width % 2 != 0 {
            throw InvalidSetting(key, "\(width) is odd; a window has as many keys on either side, so make it even")
        }
        if blockSize % 16 != 0 {
            throw InvalidSetting("block_size", "\(blockSize) is not a multiple of 16, the kernels' unit of keys")
        }
        if windowBlocks % 2 == 0 {
            throw InvalidSetting("window_blocks", "\(windowBlocks) is even; a window of blocks has one in the middle")
        }
        try validateDisentangled()
        if globalTokens != .none, !hasWindows {
            throw InvalidSetting(
                "global_tokens", "are for pattern window or alternating; \(pattern.rawValue) has none of its own")
        }
        if globalTokens == .ids, globalIDs.isEmpty {
            throw InvalidSetting("global_ids", "is empty, and global_tokens is ids; list the ids that are global")
        }
        if globalProjections == .own, globalTokens == .none {
            throw InvalidSetting("global_projections", "own needs global tokens; set global_tokens, or shared")
        }
        if queryKeyNorm, globalProjections == .own {
            throw InvalidSetting("query_key_norm", "is for global_projections shared, not own")
        }
        if !dilations.isEmpty, !hasWindows {
            throw InvalidSetting("dilations", "are for windows; pattern is \(pattern.rawValue)")
        }
        if localRotaryBase != nil, pattern != .alternating {
            throw InvalidSetting("local_rotary_base", "is for pattern alternating; pattern is \(pattern.rawValue)")
        }
    }

    private func validateDisentangled() throws {
        guard disentangled else { return }
        if queryKeyNorm {
            throw InvalidSetting("query_key_norm", "is not for disentangled attention; set one of them to false")
        }
        if pattern != .full {
            throw InvalidSetting(
                "disentangled", "is for pattern full; pattern is \(pattern.rawValue), so set one of them otherwise")
        }
        if positionBuckets % 2 != 0 {
            throw InvalidSetting(
                "position_buckets", "\(positionBuckets) is odd; half of them are for near distances, so make it even")
        }
        if positionBuckets > 0, maximumRelativeDistance <= positionBuckets / 2 + 1 {
            throw InvalidSetting(
                "maximum_relative_distance",
                "must be more than \(positionBuckets / 2 + 1), because \(positionBuckets) buckets hold distances up to "
                    + "\(positionBuckets / 2) one by one")
        }
    }

    /// Checks against the networks and the length of what they will read.
    ///
    /// - Throws: `InvalidSetting` with keys relative to this group.
    public func validate(layerCount: Int, headCount: Int, sequenceLength: Int) throws {
        if !windows.isEmpty, windows.count != layerCount {
            throw InvalidSetting(
                "windows", "has \(windows.count) widths for \(layerCount) layers; give one for each, or [] and window")
        }
        if !dilations.isEmpty, dilations.count != headCount {
            throw InvalidSetting(
                "dilations", "has \(dilations.count) distances for \(headCount) heads; give one for each, or []")
        }
        if let widest = dilations.max(), widest >= sequenceLength, widest > 1 {
            throw InvalidSetting(
                "dilations",
                "\(widest) is no less than corpus.sequence_length \(sequenceLength): every window is one key")
        }
        if globalTokens == .every {
            let count = (sequenceLength + globalEvery - 1) / globalEvery
            if count > maximumGlobalTokens {
                throw InvalidSetting(
                    "global_every",
                    "makes \(count) global tokens of a document of \(sequenceLength), more than maximum_global_tokens "
                        + "\(maximumGlobalTokens); raise one of them")
            }
        }
        if pattern == .bigBird, blockSize > sequenceLength {
            throw InvalidSetting(
                "block_size", "\(blockSize) is more than corpus.sequence_length \(sequenceLength): all is one block")
        }
    }
}

public enum AttentionPatternKind: String, CaseIterable, Sendable {
    case full
    /// Sliding windows (Beltagy et al. 2020, Longformer, arXiv 2004.05150).
    case window
    /// Windows, and full attention in every few layers (Warner et al. 2024, ModernBERT, arXiv 2412.13663).
    case alternating
    /// Global, window and random blocks (Zaheer et al. 2020, BigBird, arXiv 2007.14062).
    case bigBird = "big_bird"
}

public enum GlobalTokenKind: String, CaseIterable, Sendable {
    case none
    case first
    case documents
    case ids
    case every
}

public enum GlobalProjectionKind: String, CaseIterable, Sendable {
    case shared
    case own
}
