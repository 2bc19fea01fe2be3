#include <stdio.h>
#include "configuration.h"
#include "words.h"

int count_words(void)
{
    FILE *file = fopen(WORDS_FILE, "r");
    char word[64];
    int count = 0;
    if (!file)
        return -1;
    while (fscanf(file, "%63s", word) == 1)
        count++;
    fclose(file);
    return count;
}
