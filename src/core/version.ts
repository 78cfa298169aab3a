// The version of the package, in one place for reports and help. A test holds it equal to package.json's.
/** Version of this package. */
export const version = '0.1.0';
