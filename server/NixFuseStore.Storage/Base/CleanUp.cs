namespace NixFuseStore.Storage.Base;

/// <summary>Clearing away after a failure, which must not hide the failure.</summary>
public static class CleanUp
{
    /// <summary>Runs all steps in order; one that fails is told and keeps none of the others from running.</summary>
    /// <param name="notice">Is told of steps that failed, in one line each.</param>
    /// <param name="subject">What is cleared away, as the line's subject.</param>
    /// <param name="steps">The steps.</param>
    public static async Task RunAsync(Action<string> notice, string subject, params Func<ValueTask>[] steps)
    {
        ArgumentNullException.ThrowIfNull(notice);
        ArgumentNullException.ThrowIfNull(steps);
        foreach (var step in steps)
        {
            try
            {
                await step().ConfigureAwait(false);
            }
#pragma warning disable CA1031 // the failure that led here is the one to be thrown
            catch (Exception exception)
#pragma warning restore CA1031
            {
                notice($"{subject} could not be cleared away: {exception.Message}");
            }
        }
    }
}
