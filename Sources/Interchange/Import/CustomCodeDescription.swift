import Encoder
import Kernels

/// The settings of a model from the `config.json` of a folder that was exported with the code of its classes, which has them
/// resolved for every layer.
enum CustomCodeDescription {
    /// - Throws: `ImportError.unsupported` where the layers are not what any settings make.
    static func model(_ file: FolderConfiguration, layerCount: Int) throws -> ModelConfiguration {
        func fail(_ problem: String) -> ImportError { .unsupported(path: file.path, problem) }
        func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _ fallback: Choice) throws -> Choice
        where Choice.RawValue == String {
            guard let text = try file.text(key) else { return fallback }
            guard let choice = Choice(rawValue: text) else { throw fail("\(key) is \(text.quoted), which is unknown") }
            return choice
        }
        func perLayer<Value>(_ key: String, _ values: [Value]?, _ fallback: Value) throws -> [Value] {
            let values = values ?? Array(repeating: fallback, count: layerCount)
            guard values.count == layerCount else {
                throw fail("\(key) has \(values.count) values for \(layerCount) layers")
            }
            return values
        }
        func size(_ key: String, _ fallback: Int) throws -> Int {
            let value = try file.integer(key) ?? fallback
            guard (0...1_048_576).contains(value) else { throw fail("\(key) is \(value), outside 0...1048576") }
            return value
        }
        var model = ModelConfiguration()
        model.positions = try choice("positions", .learned)
        model.feedForward = try choice("feed_forward", .gelu)
        model.biases = try file.flag("use_bias") ?? true
        model.normalization.kind = try choice("norm_kind", .layerNorm)
        model.normalization.beforeFirstAttention = try file.flag("norm_before_first_attention") ?? true
        try place(
            &model.normalization, try perLayer("norm_forms", file.texts("norm_forms"), "post"),
            try perLayer("norm_scales", file.numbers("norm_scales"), 1), fail)
        model.relativeBias.sharing = try choice("relative_bias", .none)
        model.relativeBias.binning = try choice("relative_binning", .t5)
        model.relativeBias.bins = try size("relative_bins", model.relativeBias.bins)
        model.relativeBias.maximumDistance = try size("relative_maximum_distance", model.relativeBias.maximumDistance)
        model.detectionHead = try choice("detection_head", .dense)
        model.attention.queryKeyNorm = try file.flag("query_key_norm") ?? false
        model.attention.disentangled = try file.flag("disentangled") ?? false
        model.attention.positionBuckets = try size("position_buckets", model.attention.positionBuckets)
        model.attention.maximumRelativeDistance = try size(
            "maximum_relative_distance", model.attention.maximumRelativeDistance)
        model.attention.globalTokens = try choice("global_tokens", .none)
        model.attention.globalEvery = try size("global_every", model.attention.globalEvery)
        model.attention.globalIDs = try file.integers("global_ids")?.compactMap(\.self) ?? []
        guard model.attention.globalIDs.allSatisfy({ 0...EncoderDescription.maximumSize ~= $0 }) else {
            throw fail("global_ids are out of range")
        }
        model.attention.maximumGlobalTokens = try size("maximum_global_tokens", model.attention.maximumGlobalTokens)
        model.attention.globalProjections = try choice("global_projections", .shared)
        let widths = try perLayer("half_windows", file.integers("half_windows"), nil)
        try window(&model.attention, widths, dilations: file.integers("dilations")?.compactMap(\.self) ?? [], fail)
        let bases = try perLayer("rotary_bases", file.numbers("rotary_bases"), model.rotaryBase)
        let full = zip(widths, bases).filter { $0.0 == nil }.map(\.1)
        let local = zip(widths, bases).filter { $0.0 != nil }.map(\.1)
        guard Set(full).count <= 1, Set(local).count <= 1 else { throw fail("rotary_bases differ among like layers") }
        model.rotaryBase = full.first ?? local.first ?? model.rotaryBase
        if let local = local.first, local != model.rotaryBase { model.attention.localRotaryBase = local }
        if try file.flag("mask_decoder") == true { model.generator.maskDecoder = true }
        return model
    }

    /// Where the layers normalize.
    private static func place(
        _ normalization: inout NormalizationConfiguration, _ forms: [String], _ scales: [Double],
        _ fail: (String) -> ImportError
    ) throws {
        let posts = forms.prefix { $0 == "post" }.count
        let isPlain = scales.allSatisfy { $0 == 1 }
        if posts == forms.count, isPlain {
            normalization.placement = .post
        } else if forms.allSatisfy({ $0 == "peri" }), isPlain {
            normalization.placement = .peri
        } else if forms.allSatisfy({ $0 == "pre" }), isPlain {
            normalization.placement = .pre
        } else if forms.allSatisfy({ $0 == "pre" }),
            scales.enumerated().allSatisfy({ abs($1 - 1 / Double($0 + 1).squareRoot()) < 1e-9 })
        {
            normalization.placement = .scaled
        } else if posts > 0, forms.dropFirst(posts).allSatisfy({ $0 == "pre" }), isPlain {
            normalization.placement = .mix
            normalization.alpha = Double(posts) / Double(forms.count)
        } else {
            throw fail("norm_forms and norm_scales are not those of any placement of norms here")
        }
    }

    /// Which layers see windows.
    private static func window(
        _ attention: inout AttentionConfiguration, _ halves: [Int?], dilations: [Int], _ fail: (String) -> ImportError
    ) throws {
        let widths = halves.compactMap(\.self)
        guard !widths.isEmpty else { return }
        guard widths.allSatisfy({ (1...1_048_576).contains($0) }) else { throw fail("half_windows are out of range") }
        if dilations.contains(where: { $0 != 1 }) { attention.dilations = dilations }
        if widths.count == halves.count {
            attention.pattern = .window
            if Set(widths).count > 1 { attention.windows = widths.map { 2 * $0 } }
            attention.window = 2 * widths[0]
            return
        }
        let full = halves.indices.filter { halves[$0] == nil }
        let period = full.count > 1 ? full[1] - full[0] : max(halves.count, 2)
        guard full == Array(stride(from: 0, to: halves.count, by: period)), Set(widths).count == 1 else {
            throw fail("half_windows do not alternate as attention.pattern: alternating has it")
        }
        attention.pattern = .alternating
        attention.fullEvery = period
        attention.window = 2 * widths[0]
    }
}
