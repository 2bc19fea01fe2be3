using System.Text.Json;
using System.Text.Json.Serialization;

namespace NixFuseStore.Cli.Control;

/// <summary>How messages are written; generated, since reflection costs start-up time.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.Never)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlReply))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(BuildsReport))]
internal sealed partial class ControlJson : JsonSerializerContext;
