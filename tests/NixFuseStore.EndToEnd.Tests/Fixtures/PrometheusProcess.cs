using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>A real Prometheus, which asks its targets every second. test.sh fetches it and names it in NIXFUSE_TEST_PROMETHEUS.</summary>
internal sealed class PrometheusProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;
    private readonly string _url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Ports.FindFree()}");

    /// <param name="folder">Where it keeps its data.</param>
    /// <param name="targets">What it asks: a name, HOST:PORT, and a token where one is wanted.</param>
    public PrometheusProcess(string folder, params (string Job, string Address, string? Token)[] targets)
    {
        var program = System.Environment.GetEnvironmentVariable("NIXFUSE_TEST_PROMETHEUS");
        Assert.SkipUnless(File.Exists(program), "needs Prometheus in NIXFUSE_TEST_PROMETHEUS; test.sh fetches it");
        var settings = new StringBuilder("global: { scrape_interval: 1s }\nscrape_configs:\n");
        foreach (var (job, address, token) in targets)
        {
            settings.Append(CultureInfo.InvariantCulture, $"- job_name: {job}\n  static_configs: [ targets: [ \"{address}\" ] ]\n");
            if (token is not null)
            {
                settings.Append(CultureInfo.InvariantCulture, $"  authorization: {{ credentials: \"{token}\" }}\n");
            }
        }

        Directory.CreateDirectory(folder);
        File.WriteAllText(folder + "/prometheus.yml", settings.ToString());
        _process = Command.Start(program!, [$"--config.file={folder}/prometheus.yml", $"--storage.tsdb.path={folder}/data", $"--web.listen-address={new Uri(_url).Authority}"]);
        _errors = _process.StandardError.ReadToEndAsync();
        _ = _process.StandardOutput.ReadToEndAsync();
    }

    /// <summary>The last value of a series; null while there is none.</summary>
    public double? Query(string expression)
    {
        Assert.False(_process.HasExited, "Prometheus ended: " + (_process.HasExited ? _errors.Result : ""));
        var answer = Command.Run("curl", "-sf", "--max-time", "5", "-G", "--data-urlencode", "query=" + expression, _url + "/api/v1/query");
        if (answer.Status != 0)
        {
            return null;
        }

        using var document = JsonDocument.Parse(answer.Output);
        var series = document.RootElement.GetProperty("data").GetProperty("result");
        return series.GetArrayLength() == 0 ? null : double.Parse(series[0].GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until an expression has a value other than 0.</summary>
    public void WaitFor(string expression) =>
        Eventually.Within(TimeSpan.FromSeconds(60), $"Prometheus has {expression}", () => Query(expression) is { } value && value != 0);

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Command.Run("kill", _process.Id.ToString(CultureInfo.InvariantCulture));
            if (!_process.WaitForExit(TimeSpan.FromSeconds(20)))
            {
                _process.Kill();
            }
        }

        _process.Dispose();
    }
}
