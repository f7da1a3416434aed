/** Words of the settings. */
export const settings = {
  settings: {
    hint: 'A change judges purchases from then on; those posted stay as they are.',
    programme: 'Bonus programme',
    zone: 'Days are counted in {{zone}}.',
    excluded: 'Excluded categories',
    excludedHint: 'No rule covers them and no points pay for them; tobacco and nicotine always.',
    bare: 'Points may be spent by card number',
    bareHint: 'Otherwise only by the live QR: a number can be copied.',
    save: 'Save',
    saved: 'Settings saved',
    readOnly: 'An administrator changes the settings.',
  },
}
