import Encoder
import Files
import Foundation
import Parametrization

/// Writes a fine-tuned model as one folder that Hugging Face Transformers loads: as `ElectraForSequenceClassification` or its kin
/// where the encoder is an ELECTRA and the head does not read means, else as `PretrainForSequenceClassification` or its kin
/// with their code. One that gives vectors becomes a folder of sentence-transformers, around an `ElectraModel` or a
/// `PretrainModel`.
public enum ClassifierExport {
    /// All that a folder may hold that a later export replaces.
    private static let entries = SentenceTransformersFiles.entries.union(ModelFolder.entries)

    /// - Parameters:
    ///   - destination: the folder to create; its parent must exist.
    ///   - settings: whether an earlier export is replaced, the element type, and what the card tells.
    /// - Returns: the class that `config.json` names.
    /// - Throws: `ExportError` for a model that has no such form, a broken one, or a destination that is taken;
    ///   `FileFailure`.
    @discardableResult
    public static func write(
        _ classifier: Classifier, to destination: String, form: HuggingFaceExport.Form = .automatic,
        _ settings: ExportSettings
    ) throws -> String {
        let isElectra: Bool
        switch form {
        case .automatic:
            isElectra = !classifier.readsMeans && HuggingFaceExport.isElectra(classifier.configuration.model)
        case .electra:
            try check(electra: classifier)
            isElectra = true
        case .customCode: isElectra = false
        case .deberta: throw ExportError.debertaClassifier
        }
        if classifier.configuration.model.attention.pattern == .bigBird { throw ExportError.randomBlocks }
        let tokenizer = classifier.tokenizer
        let special = try tokenizer.specialTokens
        let files = try TokenizerFiles(
            tokenizer: Data(try tokenizer.serialized(wrapping: special)),
            names: HuggingFaceExport.names(tokenizer, special), vocabularySize: tokenizer.vocabularySize,
            maximumLength: classifier.maximumLength)
        let tensors = isElectra ? classifier.electraTensors : classifier.customCodeTensors
        let values = try classifier.completed(for: tensors)
        let configuration =
            isElectra
            ? try electraConfiguration(classifier, paddingID: files.paddingID, settings.elementType).jsonFile()
            : try customCodeConfiguration(classifier, paddingID: files.paddingID, settings.elementType).jsonFile(
                .convertToSnakeCase)
        let architecture =
            isElectra ? electraClass(classifier) : CustomCodeArchitecture(classifier.head).rawValue
        let card = ClassifierCard(
            head: classifier.head, pooling: classifier.pooling, architecture: architecture, hasCode: !isElectra,
            maximumLength: classifier.maximumLength, isSymmetric: classifier.isSymmetric,
            answers: classifier.answers, readsWindows: classifier.readsWindows, history: settings.history)
        let others =
            classifier.head == .vectors
            ? try SentenceTransformersFiles(
                pooling: classifier.pooling, width: classifier.configuration.model.hiddenSize,
                maximumLength: classifier.maximumLength
            ).files() : []
        try FolderPublication.write(to: destination, entries: entries, replacing: settings.force) { folder in
            try ModelFolder.fill(
                folder, configuration: configuration, card: card.contents, files,
                others: others + (isElectra ? [] : [(CustomCodeExport.codeFile, CustomCodeExport.code)])
            ) { path in
                try tensors.write(
                    from: values,
                    isElectra ? ExportMultipliers(attention: classifier.attentionMultiplier) : ExportMultipliers(),
                    to: path, as: settings.elementType)
            }
        }
        return architecture
    }

    /// The same without anything to tell.
    @discardableResult
    public static func write(
        _ classifier: Classifier, to destination: String, form: HuggingFaceExport.Form = .automatic, force: Bool
    ) throws -> String {
        try write(classifier, to: destination, form: form, ExportSettings(force: force))
    }

    private static func electraClass(_ classifier: Classifier) -> String { "Electra" + classifier.head.classEnding }

    private static func check(electra classifier: Classifier) throws {
        if let obstacle = HuggingFaceExport.obstacle(classifier.configuration.model) { throw obstacle }
        if classifier.readsMeans {
            throw ExportError.notExpressible(
                setting: "training.pooling: mean", "read the first token alone", instead: "training.pooling: first")
        }
        if let norm = classifier.parameters.names.first(where: { $0.contains(".final_norm.") }) {
            throw ExportError.notPostNormalized(parameter: norm)
        }
        if classifier.configuration.model.positions != .learned { throw ExportError.noLearnedPositions }
    }

    private static func electraConfiguration(
        _ classifier: Classifier, paddingID: Int, _ type: ElementType
    ) -> ElectraConfiguration {
        var configuration = ElectraConfiguration(
            .discriminator, classifier.electraSizes, of: classifier.electraShape,
            HuggingFaceExport.settings(classifier.configuration.model.of(.discriminator)), paddingID: paddingID)
        configuration.architectures = [electraClass(classifier)]
        configuration.elementType = type.torchName
        configuration.id2label = classifier.names?.id2label
        configuration.label2id = classifier.names?.label2id
        configuration.problemType = classifier.names?.problemType
        return configuration
    }

    private static func customCodeConfiguration(
        _ classifier: Classifier, paddingID: Int, _ type: ElementType
    ) -> CustomCodeConfiguration {
        var engine = classifier.configuration
        // Positions that are not learned have no table, and texts may be longer than those of pretraining.
        engine.sequenceLength = max(engine.sequenceLength, classifier.maximumLength)
        var configuration = CustomCodeConfiguration(
            .discriminator, architecture: CustomCodeArchitecture(classifier.head), engine,
            vocabularySize: classifier.tokenizer.vocabularySize, outputMultiplier: 1, paddingID: paddingID,
            layers: classifier.layerCount)
        configuration.dtype = type.torchName
        configuration.id2label = classifier.names?.id2label
        configuration.label2id = classifier.names?.label2id
        configuration.problemType = classifier.names?.problemType
        let hasPooling = !classifier.head.readsTokens && classifier.head != .vectors
        configuration.classifierPooling = hasPooling ? classifier.pooling.rawValue : nil
        return configuration
    }
}

extension Classifier {
    /// Whether its head needs the mean of all tokens, which ELECTRA's classes do not take.
    fileprivate var readsMeans: Bool { !head.readsTokens && head != .vectors && pooling == .mean }

    /// On attention scores, relative to Hugging Face's 1/√(head size).
    fileprivate var attentionMultiplier: Double {
        let model = configuration.model
        return NetworkKind.discriminator.attentionScale(model, configuration.parametrization)
            * Double(model.discriminatorShape.headSize).squareRoot()
    }
}
